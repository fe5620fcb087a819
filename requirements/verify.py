"""Fails when the environment holds what pixelwise must not run beside.

torchvision breaks the import of other packages when its compiled half does not match torch,
and a GPU build pulled in by accident costs gigabytes.
"""

import importlib.metadata
import importlib.util
import sys
from pathlib import Path

pinned = Path(__file__).with_name("constraints.txt").read_text().split("torch==")[1].split()[0]
found = importlib.metadata.version("torch").split("+")[0]
if found != pinned:
    sys.exit(f"wanted torch {pinned}, got {found}\nhint: rm -rf .venv and run make again")
if importlib.util.find_spec("torchvision") is not None:
    sys.exit("wanted no torchvision, got one\nhint: some package pulled it in: pip show torchvision names it")
