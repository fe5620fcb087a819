"""Predictions of many files: label maps, overlays and probabilities in a folder that can be continued."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
import torch
from numpy.typing import NDArray

from pixelwise.data.formats.masks import write_label_map
from pixelwise.data.images import IMAGE_SUFFIXES
from pixelwise.data.lazy_images import LazyImage, open_image
from pixelwise.data.tables import read_utf8
from pixelwise.drawing import class_colours, overlay, to_uint8, write_picture
from pixelwise.errors import InputError
from pixelwise.files import whole_file, write_text
from pixelwise.inference.predictor import Predictor

OVERLAY_LONGEST = 2048
"""Pixels of an overlay's longer side: a screen's worth; the label map keeps every pixel."""

CHOOSE = "choose another --out"

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Input:
    """An image to predict, and the name its results get (a relative path without suffix)."""

    path: Path
    name: str


@dataclass(frozen=True)
class Prediction:
    """What became of one input: the files written and each class's share, or the reason why not."""

    source: Path
    files: tuple[Path, ...] = ()
    shares: dict[str, float] | None = None
    error: InputError | None = None
    kept: bool = False


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


def predict_files(
    predictor: Predictor,
    inputs: Sequence[Input],
    out: Path,
    probabilities: bool = False,
    progress: Callable[[Input], Progress] | None = None,
) -> Iterator[Prediction]:
    """Predicts images one by one into `out`, and gives what became of each.

    Files: NAME.png (label map), NAME.overlay.jpg and, on request, NAME.probabilities.tif.
    Results that are there already from the same model and newer than their image are kept, so that an interrupted job
    continues. An image that cannot be read does not stop the others; its prediction carries the error.

    Args:
        predictor: the model.
        inputs: images with the names of their results.
        out: the folder; made when missing.
        probabilities: also write each class's probability, float16, as a TIFF of K planes.
        progress: makes the listener for each image's tiles.

    Raises:
        InputError: `out` holds something else, or the images themselves, or predictions of another model.
    """
    for each in inputs:
        if each.path.resolve().is_relative_to(out.resolve()):
            raise InputError(
                "a folder for the predictions that does not hold the images", f"{each.path} in {out}", CHOOSE
            )
    claim_folder(out, predictor)
    for each in inputs:
        files = [out / f"{each.name}.png", out / f"{each.name}.overlay.jpg"]
        files += [out / f"{each.name}.probabilities.tif"] if probabilities else []
        if _newer(files, each.path):
            yield Prediction(each.path, tuple(files), kept=True)
            continue
        try:
            shares = _predict_one(predictor, open_image(each.path), files, progress(each) if progress else None)
        except InputError as error:
            yield Prediction(each.path, error=error)
            continue
        yield Prediction(each.path, tuple(files), shares)


def _newer(files: Sequence[Path], source: Path) -> bool:
    """Whether all the files are there and were written after their source, which is there too."""
    try:
        changed = source.stat().st_mtime_ns
        return all(file.stat().st_mtime_ns >= changed for file in files)
    except OSError:
        return False


def claim_folder(out: Path, predictor: Predictor) -> None:
    """Notes in predictions.json which model the folder's predictions come from.

    Raises:
        InputError: they come from another one, or `out` is a file or a folder with other things in it.
    """
    note = out / "predictions.json"
    model = {"model": predictor.record.model, "weights": weights_digest(predictor), "classes": list(predictor.classes)}
    if out.exists() and not out.is_dir():
        raise InputError("a folder for the predictions", f"the file {out}", CHOOSE)
    if note.is_file():
        try:
            found = json.loads(note.read_text(encoding="utf-8"))
        except (ValueError, RecursionError):
            found = None
        if found != model:
            raise InputError(f"predictions of this model in {out}", "those of another model", CHOOSE)
        return
    if out.is_dir() and any(out.iterdir()):
        raise InputError("an empty or new folder for the predictions", f"{out}, which holds other files", CHOOSE)
    write_text(note, json.dumps(model, indent=2) + "\n")


def weights_digest(predictor: Predictor) -> str:
    """A short text that differs between models: 64 bits of a hash over names and weights."""
    digest = hashlib.sha256()
    for name, tensor in sorted(predictor.model.model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _predict_one(
    predictor: Predictor, image: LazyImage, files: Sequence[Path], progress: Progress | None
) -> dict[str, float]:
    if len(files) > 2:
        result = predictor.predict(image.path, probabilities=True, progress=progress)
        assert result.probabilities is not None, "they were asked for"
        with whole_file(files[2]) as temporary:
            planes = result.probabilities.to(torch.float16).numpy()
            tifffile.imwrite(
                temporary, planes, photometric="minisblack", compression="zlib", bigtiff=planes.nbytes > 2**31
            )
    else:
        result = predictor.predict(image.path, progress=progress)
    labels = result.labels.to(torch.uint8).numpy()
    colours = class_colours(len(predictor.classes))
    files[0].parent.mkdir(parents=True, exist_ok=True)
    write_label_map(files[0], labels, colours)
    step = max(1, -(-max(image.size) // OVERLAY_LONGEST))
    write_picture(files[1], overlay(_reduced(image, step), labels[::step, ::step], colours))
    return result.shares


def _reduced(image: LazyImage, step: int) -> NDArray[np.uint8]:
    """Every `step`-th pixel of the image, read in bands so that it is never in memory whole."""
    height, width = image.size
    rows = max(1, 2**24 // width) // step * step or step  # bands of about 16 million pixels
    bands = (
        to_uint8(image.read(top, 0, min(rows, height - top), width)[:, ::step, ::step])
        for top in range(0, height, rows)
    )
    return np.concatenate(list(bands))
