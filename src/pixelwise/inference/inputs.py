"""The images that files, folders and lists on a command line mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pixelwise.data.images import IMAGE_SUFFIXES
from pixelwise.data.tables import read_utf8
from pixelwise.errors import InputError


@dataclass(frozen=True)
class Input:
    """An image to predict, the name its results get (a relative path without suffix), and for pairs the second one."""

    path: Path
    name: str
    second: Path | None = None

    @property
    def sources(self) -> tuple[Path, ...]:
        """All images."""
        return (self.path,) if self.second is None else (self.path, self.second)


def find_inputs(paths: Sequence[str | Path], out: Path | None = None) -> list[Input]:
    """The images meant by files, folders (searched through) and .txt lists of paths, in that order.

    Args:
        paths: files, folders and lists; the paths in a list are relative to it.
        out: the folder of the results, which is passed over when it lies in a searched folder.

    Raises:
        InputError: a path is missing, a list is not text, nothing is an image, or two images would get one name.
    """
    inputs: list[Input] = []
    for path in map(Path, paths):
        if path.is_dir():
            inputs += _images_in(path, out)
        elif path.suffix.lower() == ".txt" and path.is_file():
            lines = [line.strip() for line in read_utf8(path, "write one path per line").splitlines()]
            inputs += [Input(path.parent / line, Path(line).stem) for line in lines if line]
        elif path.is_file():
            inputs.append(Input(path, path.stem))
        else:
            raise InputError(
                "an image, a folder of images or a .txt list of paths",
                f"{path}, which does not exist",
                "check the path",
            )
    if not inputs:
        suffixes = " ".join(sorted(IMAGE_SUFFIXES))
        raise InputError(
            f"at least one image ({suffixes})", f"none in {', '.join(map(str, paths))}", "check the folder"
        )
    by_name: dict[str, Input] = {}
    for each in inputs:
        if each.name in by_name:
            raise InputError(
                "images with names of their own",
                f"{by_name[each.name].path} and {each.path}",
                "rename one of them, or predict them into two folders",
            )
        by_name[each.name] = each
    return inputs


def _images_in(folder: Path, out: Path | None) -> list[Input]:
    results = None if out is None else out.resolve()
    return [
        Input(file, file.relative_to(folder).with_suffix("").as_posix())
        for file in sorted(folder.rglob("*"))
        if file.is_file()
        and file.suffix.lower() in IMAGE_SUFFIXES
        and not (results is not None and file.resolve().is_relative_to(results))
    ]
