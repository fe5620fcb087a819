"""A detector for evaluation, in which convolutions do the work of the batch normalisation behind them."""

import copy
from typing import TypeVar, cast

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from pixelwise.dense.folding import fold_batch_norm, use_pointwise
from pixelwise.errors import InputError
from pixelwise.models.detection.batching import MULTIPLE
from pixelwise.models.detection.faster_rcnn import FasterRCNN
from pixelwise.models.detection.mask_rcnn import MaskRCNN
from pixelwise.models.detection.region_reader import RegionReader
from pixelwise.shapes import Images

Detector = TypeVar("Detector", FasterRCNN, MaskRCNN)


class FoldedBackbone(nn.Module):
    """A backbone without its batch normalisation; `train()` is refused, as it would learn another way."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.eval()

    def forward(self, images: Images) -> list[Float[Tensor, "B C _ _"]]:
        """The levels."""
        return cast(list[Tensor], self.backbone(images))

    def train(self, mode: bool = True) -> "FoldedBackbone":
        """Itself for `train(False)`, which is `eval()`.

        Raises:
            InputError: for `train(True)`.
        """
        if mode:
            raise InputError(
                "a detector with its batch normalisation for training",
                "one in which it is folded into convolutions",
                "train the detector it was made from, and fold again afterwards",
            )
        super().train(False)
        return self


class _OneMap(nn.Module):
    """All levels of a backbone added up: the folding follows networks that give one map."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, images: Tensor) -> Tensor:
        finest, *coarser = self.backbone(images)
        return cast(Tensor, sum((F.interpolate(one, finest.shape[-2:]) for one in coarser), finest))


def fold_detector(model: Detector) -> Detector:
    """A copy of a detector for evaluation, faster and with the same results up to rounding.

    Folded are the batch norms, frozen or not, of the backbone and of the heads. The model stays as it is, and later
    changes of its weights do not reach the copy.

    Raises:
        InputError: a part cannot be followed; the message names the line.
    """
    folded = copy.deepcopy(model).eval()
    # Two cells on the coarsest level: with one alone, convolutions there would look like fully-connected layers.
    network = fold_batch_norm(_OneMap(folded.backbone), 2 * MULTIPLE).network
    folded.backbone = FoldedBackbone(cast(nn.Module, network.backbone))
    heads = folded.roi_heads
    if heads.shared is not None:
        heads.shared = _folded(heads.shared, model.backbone, heads.box_regions)
    heads.box_head = _folded(heads.box_head, model.backbone, heads.box_regions)
    if heads.mask_head is not None and heads.mask_regions is not None:
        heads.mask_head = _folded(heads.mask_head, model.backbone, heads.mask_regions)
    use_pointwise(folded)
    return folded


def _folded(head: nn.Module, backbone: nn.Module, regions: RegionReader) -> nn.Module:
    if not any(hasattr(part, "running_var") for part in head.modules()):
        return head
    channels = cast(tuple[int, ...], backbone.channels)[0]
    return fold_batch_norm(head, regions.size, channels)
