"""Predictions of many files: label maps, overlays and probabilities in a folder that can be continued."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import torch
from numpy.typing import NDArray

from pixelwise.data.formats.masks import write_label_map
from pixelwise.data.images import IMAGE_SUFFIXES
from pixelwise.data.lazy_images import LazyImage, open_image
from pixelwise.data.tables import read_utf8
from pixelwise.drawing import class_colours, overlay, to_uint8, write_picture
from pixelwise.drawing.instances import outline_instances
from pixelwise.errors import InputError
from pixelwise.files import whole_file, write_text
from pixelwise.inference.instances import separate, separation_operations
from pixelwise.inference.predictor import Predictor
from pixelwise.results import Segmentation

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
    """What became of one input: the files written, each class's share and how many objects, or the reason why not.

    `objects` is None where the classes have no border between objects.
    """

    source: Path
    files: tuple[Path, ...] = ()
    shares: dict[str, float] | None = None
    error: InputError | None = None
    kept: bool = False
    objects: int | None = None


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

    Files: NAME.png (label map), NAME.overlay.jpg and, on request, NAME.probabilities.tif. Where the classes have a
    border between objects, also NAME.instances.tif (the number of each pixel's object, 0 for none; 16 bits, 32 for more
    than 65535 objects) and NAME.instances.jpg (each object outlined); the whole image's probabilities are then in
    memory at once.
    Results that are there already from the same model and newer than their image are kept, so that an interrupted job
    continues. An image that cannot be read does not stop the others; its prediction carries the error.

    Args:
        predictor: the model.
        inputs: images with the names of their results.
        out: the folder; made when missing.
        probabilities: also write each class's probability, float16, as a TIFF of K planes.
        progress: makes the listener for each image's tiles.

    Raises:
        InputError: `out` holds something else, or the images themselves, or predictions of another model; or
            scikit-image is missing where objects are to be separated.
    """
    if predictor.record.classes.border:
        separation_operations()
    for each in inputs:
        if each.path.resolve().is_relative_to(out.resolve()):
            raise InputError(
                "a folder for the predictions that does not hold the images", f"{each.path} in {out}", CHOOSE
            )
    claim_folder(out, predictor)
    for each in inputs:
        endings = [".png", ".overlay.jpg", *([".probabilities.tif"] if probabilities else [])]
        endings += [".instances.tif", ".instances.jpg"] if predictor.record.classes.border else []
        files = {ending: out / f"{each.name}{ending}" for ending in endings}
        written = tuple(files.values())
        if _newer(written, each.path):
            yield Prediction(each.path, written, kept=True)
            continue
        try:
            image = open_image(each.path)
            shares, objects = _predict_one(predictor, image, files, progress(each) if progress else None)
        except InputError as error:
            yield Prediction(each.path, error=error)
            continue
        yield Prediction(each.path, written, shares, objects=objects)


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
    predictor: Predictor, image: LazyImage, files: Mapping[str, Path], progress: Progress | None
) -> tuple[dict[str, float], int | None]:
    """Writes the files of one image, by their endings; gives the classes' shares and the number of objects."""
    needed = ".probabilities.tif" in files or ".instances.tif" in files
    result = predictor.predict(image.path, probabilities=needed, progress=progress)
    if ".probabilities.tif" in files:
        assert result.probabilities is not None, "they were asked for"
        _write_planes(files[".probabilities.tif"], result.probabilities.to(torch.float16).numpy())
    labels = result.labels.to(torch.uint8).numpy()
    colours = class_colours(len(predictor.classes))
    files[".png"].parent.mkdir(parents=True, exist_ok=True)
    write_label_map(files[".png"], labels, colours)
    step = max(1, -(-max(image.size) // OVERLAY_LONGEST))
    picture = _reduced(image, step)
    write_picture(files[".overlay.jpg"], overlay(picture, labels[::step, ::step], colours))
    objects = _write_objects(predictor, result, files, picture, step) if ".instances.tif" in files else None
    return result.shares, objects


def _write_objects(
    predictor: Predictor, result: Segmentation, files: Mapping[str, Path], picture: NDArray[np.uint8], step: int
) -> int:
    """Writes the map and the picture of the separate objects; gives their number."""
    table = predictor.record.classes
    found = separate(result, table.object_classes, table.names[-1])
    numbers = found.labels.numpy()
    _write_planes(files[".instances.tif"], numbers.astype(np.uint16 if found.count < 2**16 else np.uint32))
    write_picture(files[".instances.jpg"], outline_instances(picture, numbers[::step, ::step]))
    return found.count


def _write_planes(path: Path, planes: NDArray[Any]) -> None:
    """A TIFF of gray planes, without loss."""
    with whole_file(path) as temporary:
        tifffile.imwrite(temporary, planes, photometric="minisblack", compression="zlib", bigtiff=planes.nbytes > 2**31)


def _reduced(image: LazyImage, step: int) -> NDArray[np.uint8]:
    """Every `step`-th pixel of the image, read in bands so that it is never in memory whole."""
    height, width = image.size
    rows = max(1, 2**24 // width) // step * step or step  # bands of about 16 million pixels
    bands = (
        to_uint8(image.read(top, 0, min(rows, height - top), width)[:, ::step, ::step])
        for top in range(0, height, rows)
    )
    return np.concatenate(list(bands))
