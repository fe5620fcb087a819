"""The tour of the code in the README names files that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def missing_paths(text: str, root: Path) -> list[str]:
    """Paths in backticks, below a folder of the checkout, that lead to nothing; they may hold a star."""
    named = re.findall(r"`((?:src|docs|tests|benchmarks|experiments|requirements)/[^\s`]*)`", text)
    return [path for path in named if not any(root.glob(path.rstrip("/")))]


def test_files_of_the_tour_exist():
    assert missing_paths((ROOT / "README.md").read_text(encoding="utf-8"), ROOT) == []


@pytest.mark.parametrize("path", ["src/pixelwise/no_such_file.py", "docs/nothing/", "src/pixelwise/nothing/*.py"])
def test_a_missing_file_would_be_noticed(path: str):
    text = f"First `src/pixelwise/errors.py`, then `{path}`, and `src/pixelwise/dense/`."
    assert missing_paths(text, ROOT) == [path]
