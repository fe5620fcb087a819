"""Whole FlowNetCorr against whole FlowNetSimple on a CPU: time for one pair of 384x512, and memory.

The goal is a factor of at most 1.8: FlowNetCorr's first three layers see two images, and its correlation compares 441
displacements. Memory is how far the resident size peaks above its start during the call, each in a process of its own
after a warm-up on a small pair; the weights are there before. The goal is at most 64 MB more than FlowNetSimple.
"""

import statistics
import subprocess
import sys

import torch

from benchmarks.timing import compare, machine, table
from pixelwise.models import FlowNetC, FlowNetS
from pixelwise.models.normalise import channels_last

SIZE = (384, 512)
NETWORKS = {"FlowNetC": FlowNetC, "FlowNetS": FlowNetS}
GOAL, EXTRA_GOAL = 1.8, 64


def times(rounds: int) -> None:
    """Prints pairs per second of both, and the ratio of the rounds."""
    models = {name: channels_last(network().eval()) for name, network in NETWORKS.items()}
    first, second = torch.rand(2, 1, 3, *SIZE)
    with torch.inference_mode():
        seconds = compare({name: lambda m=model: m(first, second) for name, model in models.items()}, rounds)
    table(seconds, 1, "pairs", "FlowNetC")
    for name, values in seconds.items():
        print(f"    {name} {1000 * statistics.median(values):.0f} ms")
    ratios = sorted(c / s for c, s in zip(seconds["FlowNetC"], seconds["FlowNetS"], strict=True))
    low, middle, high = statistics.quantiles(ratios, n=4)
    verdict = "met" if middle <= GOAL else "missed"
    print(f"    FlowNetC takes {middle:.2f} ({low:.2f} to {high:.2f}) times FlowNetS; goal {GOAL}: {verdict}")


MEMORY = """
import sys, torch
from pathlib import Path
from benchmarks.flow.networks import NETWORKS, SIZE
from pixelwise.models.normalise import channels_last
torch.set_num_threads(1)
def resident(line):
    return int(Path("/proc/self/status").read_text().split(line)[1].split()[0]) / 1024
model = channels_last(NETWORKS[sys.argv[1]]().eval())
first, second = torch.rand(2, 1, 3, *SIZE)
with torch.inference_mode():
    model(first[..., :64, :64], second[..., :64, :64])
    Path("/proc/self/clear_refs").write_text("5")  # sets the peak back to what is resident now
    start = resident("VmRSS:")
    model(first, second)
print(resident("VmHWM:") - start)
"""
"""Linux only: the peak of a process can be set back there."""


def memory() -> None:
    """Prints how far each network's call raises the resident size."""
    rises = {}
    for name in NETWORKS:
        command = [sys.executable, "-c", MEMORY, name]
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
        rises[name] = float(answer.stdout)
        print(f"    {name}: {rises[name]:.0f} MiB above its weights")
    extra = rises["FlowNetC"] - rises["FlowNetS"]
    print(f"    FlowNetC takes {extra:.0f} MiB more; goal {EXTRA_GOAL}: {'met' if extra <= EXTRA_GOAL else 'missed'}")


def main() -> None:
    torch.manual_seed(0)
    for threads in (1, 2):
        torch.set_num_threads(threads)
        print(f"{machine()}; one pair of {SIZE[0]}x{SIZE[1]}, width 64")
        times(rounds=9)
    print("peak memory, one thread")
    memory()


if __name__ == "__main__":
    main()
