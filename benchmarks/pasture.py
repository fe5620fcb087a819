"""Scenes a second of the procedural world, with all their truth, on one core."""

import os
import platform
import statistics
import time

from pixelwise.data.pasture import Knobs, render

SIDES = (64, 128, 256, 512)
SCENES = 60
ROUNDS = 5


def scenes_a_second(knobs: Knobs, scenes: int, rounds: int) -> list[float]:
    """The rate of each round; every round makes the same scenes, after one that warms up."""
    rates = []
    for round_number in range(rounds + 1):
        start = time.perf_counter()
        for index in range(scenes):
            render(knobs, seed=0, index=index)
        if round_number:
            rates.append(scenes / (time.perf_counter() - start))
    return rates


def stay_on_one_core() -> str:
    """Binds the process to a single core where the system can; whatever threads a library starts share it."""
    if not hasattr(os, "sched_setaffinity"):
        return "threads not limited"
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    return "one core"


def main() -> None:
    where = stay_on_one_core()
    print(f"Pasture, {where} ({platform.machine()}): both frames and all truth, 1..3 animals")
    print(f"{SCENES} scenes x {ROUNDS} rounds: median, lowest and highest round")
    print(f"{'size':>9}  {'scenes/s':>8}  {'lowest':>7}  {'highest':>7}")
    for side in SIDES:
        rates = scenes_a_second(Knobs(size=(side, side)), SCENES, ROUNDS)
        print(f"{side:>4}x{side:<4}  {statistics.median(rates):8.1f}  {min(rates):7.1f}  {max(rates):7.1f}")


if __name__ == "__main__":
    main()
