"""A folder that a generator fills: claimed first, so that a stopped run can go on and nothing else is spoiled."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pixelwise.errors import InputError
from pixelwise.files import whole_file, write_text

SHARES = (("train", 0.70), ("val", 0.15), ("test", 0.15))

COMPRESSION = 3
"""PNG effort: noise hardly packs, and the usual 6 takes twice as long for 1 % less."""


def split_of(images: int, seed: int, version: int) -> list[str]:
    """The split of each image: 70 % train, 15 % val, 15 % test to the nearest image, shuffled by the seed.

    `version` is that of the generator's format: another one shuffles anew.

    >>> sorted(split_of(20, seed=0, version=1)).count("val")
    3
    """
    ends = np.round(np.cumsum([share for _, share in SHARES]) * images).astype(int)
    names = [name for (name, _), count in zip(SHARES, np.diff(ends, prepend=0), strict=True) for _ in range(count)]
    # Not a source that a scene has: those are [seed, index].
    order = np.random.default_rng(np.random.SeedSequence([seed, images, version])).permutation(images)
    return [names[place] for place in order]


def claim_folder(folder: Path, name: str, description: dict[str, Any], last: str) -> None:
    """Makes the folder ours, or finds that it is ours and unfinished; then what a stopped run left over is removed.

    Args:
        folder: where files will be written.
        name: of the JSON file that holds the description.
        description: the settings, which a later run must repeat.
        last: of the file that is written last: a folder that has it is complete.

    Raises:
        InputError: the folder holds something else, was begun with other settings, or is complete.
    """
    description = json.loads(json.dumps(description))
    if folder.exists() and not folder.is_dir():
        raise InputError("a folder for the images", f"{folder}, which is a file", hint="choose another name")
    mine = folder / name
    if not mine.is_file():
        found = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        if found:
            shown = ", ".join(found[:3]) + (", ..." if len(found) > 3 else "")
            raise InputError(
                "an empty folder for the images", f"{folder} with {shown}", hint="choose another name, or empty it"
            )
        write_text(mine, json.dumps(description, indent=1) + "\n")
        return
    if (folder / last).exists():
        raise InputError(
            "an empty or unfinished folder",
            f"{folder}, which is complete",
            hint="choose another name for a new data set",
        )
    difference = _difference(_read_description(mine), description)
    if difference:
        raise InputError(
            "the settings with which this unfinished folder was begun",
            f"{folder} with {difference}",
            hint="choose another name, or repeat the first settings",
        )
    for leftover in folder.glob("**/.part-*"):
        leftover.unlink()


def _read_description(path: Path) -> dict[str, Any]:
    """What an earlier run wrote."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("knobs"), dict):
        raise InputError("the description of a generated folder", f"{path}, which is damaged", "choose another folder")
    return found


def _difference(found: dict[str, Any], wanted: dict[str, Any]) -> str:
    """The first setting that differs, in words; empty where none does."""
    flat, asked = ({**settings, **settings["knobs"], "knobs": None} for settings in (found, wanted))
    for name in asked:
        if flat.get(name) != asked[name]:
            return f"{name} {flat.get(name)} instead of {asked[name]}"
    return ""


def write_png(path: Path, pixels: np.ndarray) -> None:
    """Writes 8-bit RGB, 8-bit gray or 16-bit gray by the array's shape and type."""
    with whole_file(path) as unfinished:
        Image.fromarray(pixels).save(unfinished, "PNG", compress_level=COMPRESSION)
