"""A trained segmenter, ready to be asked: one image of any size in, a class for every pixel out."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from pixelwise.data.lazy_images import open_image
from pixelwise.dense import TiledModel
from pixelwise.inference.any_image import AnyImage, as_image
from pixelwise.inference.faster import made_faster
from pixelwise.inference.run_folder import build_model, load_weights
from pixelwise.inference.run_record import RunRecord
from pixelwise.inference.use import Use
from pixelwise.models.normalise import Normalised, channels_last
from pixelwise.results import Segmentation

Progress = Callable[[int, int], None]


class Segmenter:
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
        assert record.classes is not None, "a segmentation run has classes"
        self.record = record
        self.table = record.classes
        self.model = channels_last(model.eval())
        self.tiles = TiledModel(self.model, memory, tile)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of their indices."""
        return self.table.names

    @property
    def network(self) -> nn.Module:
        """The network whose weights the run folder holds."""
        return self.model.model

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


def open_segmenter(run: Path, record: RunRecord, use: Use) -> Segmenter:
    """The segmenter of a run folder.

    Raises:
        InputError: no weights, those of another network, or one that cannot be folded.
    """
    model = build_model(record, "meta")
    load_weights(run, model.model)
    return Segmenter(made_faster(model.eval(), use.fold, use.precision), record, use.memory, use.tile)
