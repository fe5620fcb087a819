"""How the benchmarks measure: alternating rounds, median and spread, the machine named."""

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

THREADS = 2
"""The reference machine has two cores."""


def machine() -> str:
    """One line on the machine, the threads and torch."""
    name = next(
        (line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")), platform.processor()
    )
    return f"{name}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}"


def _cpuinfo() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def compare(
    contestants: Mapping[str, Callable[[], object]], rounds: int = 7, clock: Callable[[], float] = time.perf_counter
) -> dict[str, list[float]]:
    """Seconds of each contestant in each round; in a round all run once, so that a busy moment hits all alike.

    One round before the counted ones warms up. `time.process_time` as the clock counts the processor's seconds, which
    others' work on the machine changes little; with several threads it counts their waiting for each other, too.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for counted in range(rounds + 1):
        for name, run in contestants.items():
            start = clock()
            run()
            if counted:
                seconds[name].append(clock() - start)
    return seconds


def table(seconds: Mapping[str, list[float]], items: float, unit: str, against: str) -> None:
    """Prints each contestant's rate and how many times as fast as `against` it is: the median of the rounds' ratios."""
    print(f"{'':34} {unit + '/s':>10} {'lowest':>8} {'highest':>8}   times {against} (quartiles)")
    for name, values in seconds.items():
        rates = [items / value for value in values]
        ratios = sorted(theirs / own for theirs, own in zip(seconds[against], values, strict=True))
        low, middle, high = statistics.quantiles(ratios, n=4)
        print(
            f"{name:34} {statistics.median(rates):10.2f} {min(rates):8.2f} {max(rates):8.2f}   "
            f"{middle:.2f} ({low:.2f} to {high:.2f})"
        )
