"""A trained detector, ready to be asked: one image in, the objects in it out."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import NamedTuple, cast, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pixelwise.data.lazy_images import LazyImage, open_image
from pixelwise.errors import InputError
from pixelwise.inference.any_image import AnyImage, as_image
from pixelwise.inference.detection_tiles import Tile, check_side, merged, tiles_of
from pixelwise.inference.faster import Precision
from pixelwise.inference.object_facts import ObjectFacts
from pixelwise.inference.run_folder import build_network, load_weights
from pixelwise.inference.run_record import RunRecord
from pixelwise.inference.use import Use
from pixelwise.models.detection.batching import Preparation
from pixelwise.models.detection.decode import MOST, OVERLAP, SCORE_THRESHOLD
from pixelwise.models.detection.detect import detect
from pixelwise.models.detection.faster_rcnn import FasterRCNN
from pixelwise.models.detection.folding import fold_detector
from pixelwise.models.detection.mask_rcnn import MaskRCNN
from pixelwise.results import Detections
from pixelwise.shapes import Image

Progress = Callable[[int, int], None]
Network = FasterRCNN | MaskRCNN


class Decoding(NamedTuple):
    """Which boxes become objects: `pixelwise.models.detection.decode` says what these are."""

    score_threshold: float = SCORE_THRESHOLD
    overlap: float = OVERLAP
    most: int = MOST
    class_agnostic: bool = False


AS_PUBLISHED = Decoding()


class Detector:
    """A trained detector with its scaling, its resize rule and its classes."""

    def __init__(self, model: Network, record: RunRecord, tile: int | None = None, precision: str = "32") -> None:
        """Takes the network over and puts it into evaluation mode.

        Args:
            model: the trained network.
            record: what run.json says of it.
            tile: rows and columns per tile; None shows the network the image whole.
            precision: "32" or "bf16".

        Raises:
            InputError: another precision, or tiles below 32 pixels.
        """
        if precision not in get_args(Precision):
            raise InputError("a precision of 32 or bf16", repr(precision), "leave it out for 32")
        if tile is not None:
            check_side(tile)
        self.record = record
        self.facts = ObjectFacts.of(record)
        self.model = model.eval()
        self.tile = tile
        self.precision = precision

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, the background first."""
        return self.facts.classes

    @property
    def network(self) -> nn.Module:
        """The network whose weights the run folder holds."""
        return self.model

    def predict(
        self, image: AnyImage, decoding: Decoding = AS_PUBLISHED, progress: Progress | None = None
    ) -> Detections:
        """The objects of an image, best first, with masks where the network gives them.

        Args:
            image: a path; a tensor (3, H, W) with values 0..1; or an array (H, W, 3), uint8 or float 0..1.
            decoding: which boxes become objects; with tiles, `most` is that of each tile.
            progress: called with (tiles done, tiles in all).

        Raises:
            InputError: the file cannot be read, or the array is no RGB image.
        """
        regions = open_image(Path(image)) if isinstance(image, str | Path) else as_image(image)
        size = regions.size if isinstance(regions, LazyImage) else (regions.shape[1], regions.shape[2])
        tiles = [Tile(0, 0, *size)] if self.tile is None else tiles_of(size, self.tile)
        parts = []
        for done, tile in enumerate(tiles, start=1):
            parts.append((tile, self._found(_part(regions, tile), decoding)))
            if progress is not None:
                progress(done, len(tiles))
        return parts[0][1] if len(parts) == 1 else merged(parts, size, self.classes)

    def _found(self, pixels: Image, decoding: Decoding) -> Detections:
        device = next(self.model.parameters()).device
        with self._arithmetic():
            return detect(self.model, [pixels.to(device)], self.classes, *decoding)[0]

    def _arithmetic(self) -> AbstractContextManager[object]:
        device = next(self.model.parameters()).device.type
        return torch.autocast(device, torch.bfloat16) if self.precision == "bf16" else nullcontext()


def _part(regions: LazyImage | Image, tile: Tile) -> Float[Tensor, "3 h w"]:
    if isinstance(regions, LazyImage):
        return regions.read(*tile)
    return regions[:, tile.top : tile.top + tile.height, tile.left : tile.left + tile.width]


def build_detector(record: RunRecord, device: str = "cpu") -> Network:
    """The untrained detector that a record describes, the scaling of its input included.

    Args:
        record: what run.json says.
        device: "meta" makes a network without numbers, to be filled by `load_weights`.

    Raises:
        InputError: the catalog has no such model, or the builder does not take those settings.
    """
    model = cast(Network, build_network(record, device))
    rules = model.preparation
    model.preparation = Preparation(rules.resize, rules.pad_to, record.mean, record.std)
    return model


def open_detector(run: Path, record: RunRecord, use: Use) -> Detector:
    """The detector of a run folder.

    Raises:
        InputError: no weights, those of another network, or one that cannot be folded.
    """
    model = build_detector(record, "meta")
    load_weights(run, model)
    # Whichever of the two goes in comes out; type checkers want to be told one.
    ready = fold_detector(cast(MaskRCNN, model)) if use.fold else model
    return Detector(ready, record, use.tile, use.precision)
