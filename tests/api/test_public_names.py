"""The public names are those of public_names.txt, and importing them is cheap and silent.

A new list is accepted with: python tests/api/test_public_names.py > tests/api/public_names.txt
"""

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

STORED = Path(__file__).with_name("public_names.txt")
ACCEPT = "python tests/api/test_public_names.py > tests/api/public_names.txt"

PACKAGES = (
    "pixelwise",
    *(
        f"pixelwise.{name}"
        for name in (
            "audits", "data", "data.transforms", "data.pasture", "data.flow", "data.flying",
            "dense", "drawing", "evaluation", "inference", "losses",
            "metrics", "models", "ops", "reports", "results", "training",
            "audits.feedback", "audits.published", "audits.ranking", "audits.shift", "audits.shortcuts",
            "audits.superres_honesty",
        )
    ),
)  # fmt: skip

LATE = ("lightning", "matplotlib", "torchvision", "zarr", "tensorboard")
"""Heavy packages that only some verbs need, or none."""

LONGEST_IMPORT = 1.0
"""Seconds past torch; 0.5 is the aim, and a busy machine takes twice as long."""

IMPORTS = 3
"""The quickest counts: the first in a fresh checkout also compiles all files, as pip does when it installs."""


def names_of(module: ModuleType) -> list[str]:
    """What a module offers: its __all__, else what it re-exports (packages) or defines (files)."""
    if hasattr(module, "__all__"):
        return sorted(module.__all__)
    package = hasattr(module, "__path__")
    return sorted(
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and not isinstance(value, ModuleType)
        and (package or getattr(value, "__module__", None) == module.__name__)
    )


def public_names() -> str:
    """One full name per line."""
    lines = [f"{package}.{name}" for package in PACKAGES for name in names_of(importlib.import_module(package))]
    return "\n".join(lines) + "\n"


def test_public_names_are_the_stored_ones():
    stored, found = set(STORED.read_text(encoding="utf-8").split()), set(public_names().split())
    gone, new = sorted(stored - found), sorted(found - stored)
    assert not gone and not new, f"gone: {gone}\nnew: {new}\nif this is meant, accept it with: {ACCEPT}"


def test_every_public_name_can_be_imported():
    for line in STORED.read_text(encoding="utf-8").split():
        package, _, name = line.rpartition(".")
        assert hasattr(importlib.import_module(package), name), line


def test_the_top_level_stays_small():
    assert len([line for line in public_names().split() if line.count(".") == 1]) <= 40


MEASURE = """
import json, sys, time
import torch
started = time.process_time()
import pixelwise
print(json.dumps({"seconds": time.process_time() - started, "modules": sorted(sys.modules)}))
"""


@pytest.fixture(scope="module")
def imported() -> dict[str, object]:
    return min((_import_anew() for _ in range(IMPORTS)), key=lambda each: each["seconds"])


def _import_anew() -> dict[str, object]:
    done = subprocess.run([sys.executable, "-W", "error", "-c", MEASURE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_importing_loads_nothing_heavy(imported: dict[str, object]):
    assert [name for name in LATE if name in imported["modules"]] == []


def test_importing_is_quick(imported: dict[str, object]):
    print(f"import pixelwise takes {imported['seconds']:.2f} s past torch")
    hint = "python -X importtime -c 'import torch, pixelwise' 2>&1 | sort -t'|' -k2 -n | tail"
    assert imported["seconds"] <= LONGEST_IMPORT, f"{imported['seconds']:.2f} s; see which: {hint}"


if __name__ == "__main__":
    sys.stdout.write(public_names())
