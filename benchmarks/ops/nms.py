"""Non-maximum suppression against torchvision's: plain torch and the compiled twin, uniform and clustered boxes.

Times are of whole calls, sorting included; what stays is compared with torchvision's, in order. Memory is how far the
resident size rises above its start during one call on the largest scene (Linux's VmHWM, set back before the call), each
in a process of its own after a warm-up on 100 boxes.
The first call of the twin is timed in fresh processes with an empty cache folder and then with the filled one.
"""

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.timing import compare, machine, table
from pixelwise.ops.nms import batched_nms, nms
from pixelwise.ops.soft_nms import soft_nms

COUNTS = (1000, 5000, 20_000)
THRESHOLD = 0.7  # that of region proposals
PEER = "torchvision"
PLAIN = "pixelwise, plain torch"
TWIN = "pixelwise, with numba"


def uniform(count: int) -> Tensor:
    """Boxes with sides of 10 to 100 all over a square of 1000: hardly any is suppressed."""
    corner = torch.rand(count, 2) * 1000
    return torch.cat([corner, corner + 10 + torch.rand(count, 2) * 90], dim=1)


def clustered(count: int) -> Tensor:
    """A hundred objects with sides of 30 to 180, each found many times with a jitter of 8% of its sides."""
    corner, sides = torch.rand(100, 2) * 1000, 30 + torch.rand(100, 2) * 150
    which = torch.randint(0, 100, (count,))
    jitter = torch.randn(count, 4) * 0.08 * torch.cat([sides, sides], dim=1)[which]
    return torch.cat([corner, corner + sides], dim=1)[which] + jitter


Function = Callable[..., Tensor]


def switched(function: Function, kernels: str) -> Function:
    """The function with the fast twins on or off."""

    def run(*arguments: object) -> Tensor:
        os.environ["PIXELWISE_KERNELS"] = kernels
        return function(*arguments)

    return run


def contestants(batched: bool) -> dict[str, Function]:
    """The implementations that can run here, by name."""
    ours = batched_nms if batched else nms
    found = {PLAIN: switched(ours, "off")}
    if importlib.util.find_spec("numba"):
        found[TWIN] = switched(ours, "on")
    if importlib.util.find_spec("torchvision"):
        import torchvision

        found[PEER] = torchvision.ops.batched_nms if batched else torchvision.ops.nms
    return found


def race(functions: dict[str, Function], arguments: tuple[object, ...], title: str) -> None:
    """Prints the calls per second of all on the same input, and whether they keep the same boxes."""
    kept = [function(*arguments) for function in functions.values()]
    agreed = all(torch.equal(one, kept[0]) for one in kept)
    print(f"\n{title}: {len(kept[0])} stay, {'the same in all' if agreed else 'NOT THE SAME in all'}")
    rounds = {name: (lambda f=function: f(*arguments)) for name, function in functions.items()}
    table(compare(rounds, rounds=5), 1, "calls", PEER if PEER in functions else PLAIN)


def resident(field: str) -> float:
    """A line of /proc/self/status in MB: VmRSS is the resident size, VmHWM the highest it has been."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))


def peak_memory(name: str) -> None:
    """Prints by how much one call on 20 000 uniform boxes raises the highest resident size of this process."""
    function = contestants(batched=False)[name]
    torch.manual_seed(0)
    function(uniform(100), torch.rand(100), THRESHOLD)
    boxes, scores = uniform(COUNTS[-1]), torch.rand(COUNTS[-1])
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # 5 sets VmHWM back; see proc(5)
    before = resident("VmRSS")
    function(boxes, scores, THRESHOLD)
    print(f"{name:34} {resident('VmHWM') - before:6.1f} MB")


def first_call() -> None:
    """Prints how long the first call takes in this process, everything it imports included."""
    boxes, scores = uniform(10), torch.rand(10)
    start = time.perf_counter()
    nms(boxes, scores, THRESHOLD)
    print(f"{time.perf_counter() - start:.1f} s")


def in_child(call: str, **environment: str) -> None:
    subprocess.run(
        [sys.executable, "-c", f"from benchmarks.ops import nms; nms.{call}"],
        env={**os.environ, **environment},
        check=True,
    )


def main() -> None:
    single, by_class = contestants(batched=False), contestants(batched=True)
    for threads in (1, 2):
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        print(f"\nNon-maximum suppression at IoU {THRESHOLD}; {machine()}")
        for scene in (uniform, clustered):
            for count in COUNTS:
                # Distinct scores: torchvision's batched form leaves the order of equal ones open.
                boxes, scores = scene(count), torch.randperm(count) / count
                race(single, (boxes, scores, THRESHOLD), f"{scene.__name__}, {count} boxes")
        for count in COUNTS:
            boxes, scores, classes = uniform(count), torch.randperm(count) / count, torch.randint(0, 80, (count,))
            race(by_class, (boxes, scores, classes, 0.5), f"80 classes at IoU 0.5, {count} boxes")
        boxes, scores = clustered(500), torch.rand(500)
        race({PLAIN: lambda *given: soft_nms(*given)[0]}, (boxes, scores), "soft suppression, 500 clustered boxes")
    print(f"\nPeak memory of one call, {COUNTS[-1]} uniform boxes", flush=True)
    for name in single:
        in_child(f"peak_memory({name!r})", PIXELWISE_KERNELS="on")
    if TWIN in single:
        with tempfile.TemporaryDirectory() as folder:
            for state in ("compiling", "from the cache"):
                print(f"\nFirst call of the twin, {state}: ", end="", flush=True)
                in_child("first_call()", NUMBA_CACHE_DIR=folder, PIXELWISE_KERNELS="on")


if __name__ == "__main__":
    main()
