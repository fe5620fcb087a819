"""The command line and small programs in processes of their own, as users meet them."""

import os
import subprocess
import sys
from pathlib import Path

STOP_AT_STEP = """
import os, signal, sys
from pixelwise.cli.main import main
from pixelwise.training.segmentation.task import SegmentationTask
step = SegmentationTask.training_step
def stop(self, batch, number):
    if self.global_step == int(sys.argv[1]):
        os.kill(os.getpid(), int(sys.argv[2]))
    return step(self, batch, number)
SegmentationTask.training_step = stop
# Whoever starts the tests in the background may have them ignore this signal, which children inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)
main(sys.argv[3:])
"""
"""A training that gets a signal just before one of its steps."""


PEAK = """
def peak():
    from pathlib import Path
    # getrusage would start from what the process had that started this one.
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
"""
"""What a program asks for the largest memory that it has held, in MB, on Linux; put before the program."""


def run_python(program: str, *arguments: str | int | Path) -> subprocess.CompletedProcess[str]:
    # One thread: with more, small networks wait for each other longer than they compute.
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, env=environment, timeout=120, check=False)


def pixelwise(*arguments: str | int | Path) -> subprocess.CompletedProcess[str]:
    return run_python("from pixelwise.cli.main import main; main()", *arguments)


def stopped_training(step: int, signal: int, *arguments: str | int | Path) -> subprocess.CompletedProcess[str]:
    return run_python(STOP_AT_STEP, step, signal, *arguments)
