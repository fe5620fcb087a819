"""The matches of an evaluation as a file, so that whoever draws images anew need not match again."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelwise.errors import InputError
from pixelwise.files import write_bytes
from pixelwise.metrics.detection import DetectionScores, MatchTable
from pixelwise.metrics.detection.protocol import Kind
from pixelwise.metrics.detection.table import FoundObjects, Pairs, TrueObjects

PARTS: dict[str, Any] = {"found": FoundObjects, "truth": TrueObjects, "pairs": Pairs}
HINT = "write it with `pixelwise evaluate`"


def write_matches(path: Path, names: list[str], scores: DetectionScores) -> None:
    """Writes a .npz of plain arrays, whole or not at all: image names, classes, and the table of matches."""
    table = scores.table
    arrays: dict[str, NDArray[Any]] = {
        "images": np.array(names, dtype=np.str_),
        "classes": np.array(scores.classes, dtype=np.str_),
        "kind": np.array(scores.kind),
        "partner": table.partner,
    }
    for part in PARTS:
        for field, values in vars(getattr(table, part)).items():
            arrays[f"{part}.{field}"] = values
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]  # numpy takes them for its own switch
    write_bytes(path, content.getvalue())


def read_matches(path: Path) -> tuple[list[str], DetectionScores]:
    """The names of the images and the scores of a file that `write_matches` wrote; nothing in it is run.

    Raises:
        InputError: missing, damaged, or another file.
    """
    try:
        # numpy itself would leave a damaged archive open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        parts = {
            part: kind(**{name.split(".")[1]: arrays[name] for name in arrays if name.startswith(f"{part}.")})
            for part, kind in PARTS.items()
        }
        names, classes = arrays["images"].tolist(), tuple(arrays["classes"].tolist())
        kind: Kind = "masks" if str(arrays["kind"]) == "masks" else "boxes"
        table = MatchTable(**parts, partner=arrays["partner"], images=len(names), classes=len(classes) - 1)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"matches of an evaluation in {path}", f"{type(error).__name__}: {error}"[:200], HINT
        ) from error
    return names, DetectionScores(classes, kind, table)
