"""From images to features: the backbone on each group of images that have one size."""

from collections.abc import Sequence

from jaxtyping import Num
from torch import Tensor, nn

from pixelwise.models.detection.batching import Preparation
from pixelwise.models.detection.outputs import FeatureGroup, Features
from pixelwise.models.detection.resize import Resize


def run_backbone(
    preparation: Preparation, backbone: nn.Module, images: Sequence[Num[Tensor, "_ _ _"]], resize: Resize | None = None
) -> Features:
    """The features of all images.

    Images are prepared in their own dtype and given to the network in that of its weights.

    Args:
        preparation: of images.
        backbone: from images to a list of levels.
        images: RGB, float 0..1.
        resize: replaces the preparation's rule.

    Raises:
        InputError: no images, or one that is none.
    """
    batches, frames = preparation(images, resize)
    dtype = next(backbone.parameters()).dtype
    groups = tuple(FeatureGroup(backbone(batch.images.to(dtype)), batch.numbers) for batch in batches)
    return Features(groups, frames)
