"""A trained model, ready to be asked: one image of any size in, a segmentation out."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from pixelwise.data.lazy_images import open_image
from pixelwise.dense import TiledModel
from pixelwise.errors import InputError
from pixelwise.inference.faster import made_faster
from pixelwise.inference.run_folder import RunRecord, build_model, load_weights, read_record
from pixelwise.models.normalise import Normalised, channels_last
from pixelwise.results import Segmentation
from pixelwise.shapes import Image

Progress = Callable[[int, int], None]
AnyImage = str | Path | Image | Float[np.ndarray, "H W 3"] | NDArray[np.uint8]


class Predictor:
    """A trained model with its scaling, its classes, and tiles that fit a memory budget."""

    def __init__(
        self, model: Normalised, record: RunRecord, memory: str | int = "1GB", tile: int | None = None
    ) -> None:
        """Measures the network once, to know how images may be cut.

        Args:
            model: the trained network.
            record: what run.json says of it.
            memory: budget for the activations of one tile.
            tile: rows and columns per tile instead of a budget.
        """
        self.record = record
        self.model = channels_last(model.eval())
        self.tiles = TiledModel(self.model, memory, tile)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of their indices."""
        return self.record.classes.names

    def predict(self, image: AnyImage, probabilities: bool = False, progress: Progress | None = None) -> Segmentation:
        """The class of every pixel, the same whether the image is cut into tiles or not.

        Args:
            image: a path; a tensor (3, H, W) with values 0..1; or an array (H, W, 3), uint8 or float 0..1.
            probabilities: also keep each class's probability, (K, H, W) float32.
            progress: called with (tiles done, tiles in all).

        Raises:
            InputError: the file cannot be read, or the array is no RGB image.
        """
        regions = open_image(Path(image)) if isinstance(image, str | Path) else as_image(image)
        if not probabilities:
            return Segmentation(self.tiles.run(regions, "argmax", progress=progress), self.classes)
        scores = self.tiles.run(regions, progress=progress)
        return Segmentation(scores.argmax(0).to(torch.uint8), self.classes, scores.softmax(0))


def as_image(image: Tensor | NDArray[np.generic]) -> Image:
    """A float tensor (3, H, W), 0..1, from a tensor of that form or an array (H, W, 3) of uint8 or float 0..1.

    Raises:
        InputError: another shape or type, values outside 0..1, or not-a-number.
    """
    tensor = image if isinstance(image, Tensor) else torch.from_numpy(np.ascontiguousarray(image)).movedim(-1, 0)
    wanted = "an RGB image: a tensor (3, H, W) of floats 0..1, or an array (H, W, 3) of uint8 or floats 0..1"
    if tensor.ndim != 3 or tensor.shape[0] != 3 or 0 in tensor.shape:
        raise InputError(
            wanted, f"shape {tuple(image.shape)}", "repeat a gray channel three times; drop an alpha channel"
        )
    if tensor.dtype == torch.uint8 and not isinstance(image, Tensor):
        return tensor.float() / 255
    if not tensor.is_floating_point():
        raise InputError(
            wanted, f"type {image.dtype}", "divide by the largest value the type holds: image.float() / 255"
        )
    low, high = tensor.aminmax()
    if not (low >= 0 and high <= 1):  # also false for not-a-number
        raise InputError(wanted, f"values from {low:g} to {high:g}", "scale the image to 0..1")
    return tensor.float()


def load(
    run: str | Path,
    memory: str | int = "1GB",
    tile: int | None = None,
    fold: bool = False,
    precision: str = "32",
) -> Predictor:
    """The predictor of a run folder.

    Weights are read as safetensors, the rest as JSON: nothing in the folder is executed.

    Args:
        run: the folder.
        memory: budget for the activations of one tile.
        tile: rows and columns per tile instead of a budget.
        fold: fold batch norms into the convolutions before them: takes seconds once, and large images go faster.
        precision: "32", or "bf16", which is faster where the processor has it and rounds more.

    Raises:
        InputError: no finished run there, or one of another format.
    """
    folder = Path(run)
    record = read_record(folder)
    model = build_model(record, "meta")
    load_weights(folder, model.model)
    return Predictor(made_faster(model.eval(), fold, precision), record, memory, tile)
