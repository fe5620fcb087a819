"""The pairs of images that files, folders and lists on a command line mean: data sets of pairs, or frames in order."""

import re
from collections.abc import Sequence
from itertools import groupby, pairwise
from pathlib import Path

from pixelwise.data.flow.folder import list_flow
from pixelwise.errors import InputError
from pixelwise.inference.inputs import Input, find_inputs

VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm")
"""Refused with a way out: decoding them would take a library of its own."""


def find_pairs(paths: Sequence[str | Path], out: Path | None = None) -> list[Input]:
    """Pairs of images, each named after its first.

    Files are frames in the order given, each paired with the next; so are the paths in a .txt list. A folder of pairs
    (FlyingChairs, Sintel, KITTI, Middlebury, or images/ and second/) gives its pairs, whether their flow is there or
    not; any other folder gives its frames in the order of the numbers in their names, subfolders apart.

    Args:
        paths: files, folders and lists.
        out: the folder of the results, which is passed over when it lies in a searched folder.

    Raises:
        InputError: a path is missing or a film, a frame stands alone, or two pairs would get one name.
    """
    given = [Path(path) for path in paths]
    _refuse_films(given)
    files = [path for path in given if path.is_file() and path.suffix.lower() != ".txt"]
    # Frames of one name in two folders, such as left/0.png right/0.png, are no clash: only the first names the pair.
    pairs = [Input(first, first.stem, second) for first, second in pairwise(files)]
    for path in given:
        if path not in files:
            pairs += _pairs_in(path, out)
    if not pairs:
        raise InputError(
            "two images, or a folder of frames or pairs",
            f"one frame alone in {', '.join(map(str, given))}",
            "pixelwise predict RUN FIRST SECOND --out DIR",
        )
    _refuse_clashes(pairs)
    return pairs


def _pairs_in(path: Path, out: Path | None) -> list[Input]:
    if path.is_dir():
        try:
            items = list_flow(path).items
        except InputError:  # no data set of pairs
            items = ()
        if items:
            return [Input(item.image, item.name, item.second) for item in items]
    frames = find_inputs([path], out)
    if path.is_dir():
        frames.sort(key=lambda frame: (frame.path.parent, _numbers_first(frame.path.name)))
    pairs = []
    for _, together in groupby(frames, key=lambda frame: frame.path.parent if path.is_dir() else None):
        pairs += [Input(first.path, first.name, second.path) for first, second in pairwise(together)]
    return pairs


def _numbers_first(name: str) -> list[tuple[int, str]]:
    """What sorts frame2.png before frame10.png."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _refuse_films(paths: Sequence[Path]) -> None:
    film = next((path for path in paths if path.suffix.lower() in VIDEO_SUFFIXES), None)
    if film is not None:
        raise InputError(
            "images, or a folder of frames", f"the film {film}", f"ffmpeg -i {film} frames/%06d.png, then pass frames"
        )


def _refuse_clashes(pairs: Sequence[Input]) -> None:
    by_name: dict[str, Input] = {}
    for each in pairs:
        if each.name in by_name:
            raise InputError(
                "pairs whose first images have names of their own",
                f"{by_name[each.name].path} and {each.path}",
                "rename one of them, or predict them into two folders",
            )
        by_name[each.name] = each
