"""The command line that all experiments share."""

import argparse
from pathlib import Path

import torch

THREADS = 2
"""The reference machine has two cores."""


def arguments(description: str | None, seeds: int, steps: int | None = None) -> argparse.ArgumentParser:
    """A parser with --out, --seeds, --threads, --quick, and --steps where something is trained.

    Args:
        description: the experiment's docstring.
        seeds: how many seeds by default.
        steps: training steps by default.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/experiments"), help="folder for the table and the chart")
    parser.add_argument("--seeds", type=int, default=seeds, help=f"{seeds} by default")
    parser.add_argument("--threads", type=int, default=THREADS, help=f"{THREADS} by default")
    parser.add_argument("--quick", action="store_true", help="the smallest setting that runs; its figures mean nothing")
    if steps is not None:
        parser.add_argument("--steps", type=int, default=steps, help=f"training steps, {steps} by default")
    return parser


def read(parser: argparse.ArgumentParser, words: list[str] | None = None) -> argparse.Namespace:
    """The arguments, with the number of threads set; --quick makes two seeds and two steps of them."""
    chosen = parser.parse_args(words)
    if chosen.quick:
        chosen.seeds = min(chosen.seeds, 2)
        if "steps" in chosen:
            chosen.steps = min(chosen.steps, 2)
    torch.set_num_threads(chosen.threads)
    return chosen
