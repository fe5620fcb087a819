"""The files that a segmenter leaves for one image: label map, overlay, probabilities, separate objects."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import torch
from numpy.typing import NDArray

from pixelwise.data.formats.masks import write_label_map
from pixelwise.data.lazy_images import open_image
from pixelwise.drawing import class_colours, overlay, write_picture
from pixelwise.drawing.instances import outline_instances
from pixelwise.files import whole_file
from pixelwise.inference.inputs import Input
from pixelwise.inference.instances import separate, separation_operations
from pixelwise.inference.overview import overview
from pixelwise.inference.result_files import Outcome, ResultFiles
from pixelwise.inference.segmenter import Segmenter
from pixelwise.results import Segmentation

Progress = Callable[[int, int], None]


def segmentation_files(predictor: Segmenter, probabilities: bool = False) -> ResultFiles:
    """NAME.png (label map), NAME.overlay.jpg and, on request, NAME.probabilities.tif (float16, K planes).

    Where the classes have a border between objects, also NAME.instances.tif (the number of each pixel's object, 0 for
    none; 16 bits, 32 for more than 65535 objects) and NAME.instances.jpg (each object outlined); the whole image's
    probabilities are then in memory at once.

    Raises:
        InputError: scikit-image is missing where objects are to be separated.
    """
    endings = [".png", ".overlay.jpg", *([".probabilities.tif"] if probabilities else [])]
    if predictor.table.border:
        separation_operations()
        endings += [".instances.tif", ".instances.jpg"]
    return ResultFiles(tuple(endings), partial(_write_one, predictor), {"classes": list(predictor.classes)})


def _write_one(predictor: Segmenter, source: Input, files: Mapping[str, Path], progress: Progress | None) -> Outcome:
    """Writes the files of one image, by their endings."""
    image = open_image(source.path)
    needed = ".probabilities.tif" in files or ".instances.tif" in files
    result = predictor.predict(image.path, probabilities=needed, progress=progress)
    if ".probabilities.tif" in files:
        assert result.probabilities is not None, "they were asked for"
        _write_planes(files[".probabilities.tif"], result.probabilities.to(torch.float16).numpy())
    labels = result.labels.to(torch.uint8).numpy()
    colours = class_colours(len(predictor.classes))
    files[".png"].parent.mkdir(parents=True, exist_ok=True)
    write_label_map(files[".png"], labels, colours)
    picture, step = overview(image)
    write_picture(files[".overlay.jpg"], overlay(picture, labels[::step, ::step], colours))
    objects = _write_objects(predictor, result, files, picture, step) if ".instances.tif" in files else None
    told = ", ".join(f"{name} {share:.1%}" for name, share in result.shares.items())
    told += "" if objects is None else f"; {objects} objects"
    return Outcome(told, result.shares, objects)


def _write_objects(
    predictor: Segmenter, result: Segmentation, files: Mapping[str, Path], picture: NDArray[np.uint8], step: int
) -> int:
    """Writes the map and the picture of the separate objects; gives their number."""
    table = predictor.table
    found = separate(result, table.object_classes, table.names[-1])
    numbers = found.labels.numpy()
    _write_planes(files[".instances.tif"], numbers.astype(np.uint16 if found.count < 2**16 else np.uint32))
    write_picture(files[".instances.jpg"], outline_instances(picture, numbers[::step, ::step]))
    return found.count


def _write_planes(path: Path, planes: NDArray[Any]) -> None:
    """A TIFF of gray planes, without loss."""
    with whole_file(path) as temporary:
        tifffile.imwrite(temporary, planes, photometric="minisblack", compression="zlib", bigtiff=planes.nbytes > 2**31)
