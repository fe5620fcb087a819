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
from pixelwise.drawing import class_colours, overlay, to_uint8, write_picture
from pixelwise.errors import InputError
from pixelwise.files import whole_file, write_text
from pixelwise.inference.predictor import Predictor

OVERLAY_LONGEST = 2048
"""Pixels of an overlay's longer side: a screen's worth; the label map keeps every pixel."""

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


def find_inputs(paths: Sequence[str | Path]) -> list[Input]:
    """The images meant by files, folders (searched through) and .txt lists of paths, in that order.

    Raises:
        InputError: a path is missing, nothing is an image, or two images would get one name.
    """
    inputs: list[Input] = []
    for path in map(Path, paths):
        if path.is_dir():
            found = sorted(each for each in path.rglob("*") if each.suffix.lower() in IMAGE_SUFFIXES)
            inputs += [Input(each, each.relative_to(path).with_suffix("").as_posix()) for each in found]
        elif path.suffix.lower() == ".txt" and path.is_file():
            lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
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
                "predict them into two folders",
            )
        by_name[each.name] = each
    return inputs


def predict_files(
    predictor: Predictor,
    inputs: Sequence[Input],
    out: Path,
    probabilities: bool = False,
    progress: Callable[[Input], Progress] | None = None,
) -> Iterator[Prediction]:
    """Predicts images one by one into `out`, and gives what became of each.

    Files: NAME.png (label map), NAME.overlay.jpg and, on request, NAME.probabilities.tif.
    Results that are there already from the same model are kept, so that an interrupted job continues. An image that
    cannot be read does not stop the others; its prediction carries the error.

    Args:
        predictor: the model.
        inputs: images with the names of their results.
        out: the folder; made when missing.
        probabilities: also write each class's probability, float16, as a TIFF of K planes.
        progress: makes the listener for each image's tiles.

    Raises:
        InputError: `out` holds predictions of another model.
    """
    claim_folder(out, predictor)
    for each in inputs:
        files = [out / f"{each.name}.png", out / f"{each.name}.overlay.jpg"]
        files += [out / f"{each.name}.probabilities.tif"] if probabilities else []
        if all(file.is_file() for file in files):
            yield Prediction(each.path, tuple(files), kept=True)
            continue
        try:
            shares = _predict_one(predictor, open_image(each.path), files, progress(each) if progress else None)
        except InputError as error:
            yield Prediction(each.path, error=error)
            continue
        yield Prediction(each.path, tuple(files), shares)


def claim_folder(out: Path, predictor: Predictor) -> None:
    """Notes in predictions.json which model the folder's predictions come from.

    Raises:
        InputError: they come from another one, or `out` is a file.
    """
    note = out / "predictions.json"
    model = {"model": predictor.record.model, "weights": weights_digest(predictor), "classes": list(predictor.classes)}
    if out.is_file():
        raise InputError("a folder for the predictions", f"the file {out}", "choose another --out")
    if note.is_file():
        try:
            found = json.loads(note.read_text(encoding="utf-8"))
        except ValueError:
            found = None
        if found != model:
            raise InputError(f"predictions of this model in {out}", "those of another model", "choose another --out")
        return
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
