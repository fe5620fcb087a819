"""A folder of flying shapes in plain formats, which every flow program reads."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from pixelwise.data.flying.generator import Frames, draw_frames
from pixelwise.data.flying.recipe import Recipe
from pixelwise.data.formats.flo import write_flo
from pixelwise.data.generated_folder import claim_folder, split_of, write_png
from pixelwise.data.pasture.render import check_draw
from pixelwise.errors import InputError
from pixelwise.files import write_text

FORMAT_VERSION = 1
"""Rises when the same recipe and seed would give another picture or another layout."""

DESCRIPTION = "flying.json"
SPLITS = "splits.csv"
"""Written last: a folder that has it is complete."""

MOST_PAIRS = 999_999
"""File names have six digits."""


def write_flying(
    folder: Path, recipe: Recipe, pairs: int, seed: int, progress: Callable[[int, int], None] | None = None
) -> None:
    """Writes pairs 0..pairs-1 of a recipe and seed with their truth; `open_flow` reads them as layout "pairs".

    For each pair NNNNNN: images/NNNNNN.png and second/NNNNNN.png (RGB), flow/NNNNNN.flo, occlusion/NNNNNN.png (255
    where not seen in the second frame); for all: splits.csv, flying.json (recipe, seed). A run that was stopped goes
    on when called again with the same arguments. Each file appears under its name only when it is complete.

    Args:
        folder: made where it is missing.
        recipe: the settings.
        pairs: how many, 1..999999; one of 384 x 512 pixels takes about 2.4 MB.
        seed: any whole number from 0 on.
        progress: called with (done, all) after each pair.

    Raises:
        InputError: the folder holds something else, other settings, or is complete; or the number is out of range.
        OSError: the disk is full or not writable; nothing incomplete is left under a final name.
    """
    folder = Path(folder)
    if isinstance(pairs, bool) or not isinstance(pairs, int) or not 1 <= pairs <= MOST_PAIRS:
        raise InputError(f"1..{MOST_PAIRS} pairs", repr(pairs), hint="pairs=1000 trains a small network")
    check_draw("seed", seed)
    description = {
        "format": "flying",
        "version": FORMAT_VERSION,
        "pairs": pairs,
        "seed": seed,
        "knobs": asdict(recipe),
    }
    claim_folder(folder, DESCRIPTION, description, SPLITS)
    for index in range(pairs):
        name = f"{index:06d}"
        # The occlusion is written last, so a pair that has it is whole.
        if not (folder / "occlusion" / f"{name}.png").exists():
            _write_pair(folder, name, draw_frames(recipe, seed, index))
        if progress is not None:
            progress(index + 1, pairs)
    lines = [f"{index:06d},{split}\n" for index, split in enumerate(split_of(pairs, seed, FORMAT_VERSION))]
    write_text(folder / SPLITS, "file,split\n" + "".join(lines))


def _write_pair(folder: Path, name: str, frames: Frames) -> None:
    write_png(folder / "images" / f"{name}.png", frames.image.permute(1, 2, 0).contiguous().numpy())
    write_png(folder / "second" / f"{name}.png", frames.second.permute(1, 2, 0).contiguous().numpy())
    write_flo(folder / "flow" / f"{name}.flo", frames.flow.permute(1, 2, 0).contiguous().numpy())
    write_png(folder / "occlusion" / f"{name}.png", frames.occlusion.numpy().astype(np.uint8) * np.uint8(255))
