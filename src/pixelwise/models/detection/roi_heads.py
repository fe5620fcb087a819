"""What is computed for each region: its features read, then class and box, then masks."""

from collections.abc import Sequence
from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

from pixelwise.errors import InputError
from pixelwise.models.detection.outputs import BoxScores, Features
from pixelwise.models.detection.region_reader import RegionReader
from pixelwise.ops.boxes import upcast


class RoiHeads(nn.Module):
    """Class and box of each region and, where there is a mask branch, its masks; all images' regions in one batch."""

    def __init__(
        self,
        box_regions: RegionReader,
        box_head: nn.Module,
        box_predictor: nn.Module,
        shared: nn.Module | None = None,
        mask_regions: RegionReader | None = None,
        mask_head: nn.Module | None = None,
        mask_predictor: nn.Module | None = None,
    ) -> None:
        """Takes built parts.

        Args:
            box_regions: reads the maps for the box head.
            box_head: from a region's map to a vector.
            box_predictor: from vectors to `BoxScores`.
            shared: what maps pass before either head, such as a ResNet's last stage.
            mask_regions: reads the maps for the mask head.
            mask_head: from a map to a map.
            mask_predictor: from a map to logits of masks.

        Raises:
            InputError: some parts of a mask branch, but not all three.
        """
        super().__init__()
        masks = mask_regions, mask_head, mask_predictor
        if any(part is None for part in masks) and any(part is not None for part in masks):
            raise InputError(
                "a mask branch with all its parts, or none",
                "mask_regions, mask_head and mask_predictor of which some are None",
                "pass nn.Identity() for a part that does nothing",
            )
        self.box_regions = box_regions
        self.shared = shared
        self.box_head = box_head
        self.box_predictor = box_predictor
        self.mask_regions = mask_regions
        self.mask_head = mask_head
        self.mask_predictor = mask_predictor

    def box_scores(self, features: Features, boxes: Sequence[Float[Tensor, "_ 4"]]) -> BoxScores:
        """Class logits and deltas of the regions, image after image."""
        maps = self._shared(self.box_regions(features, boxes))
        return cast(BoxScores, self.box_predictor(self.box_head(maps)))

    def mask_scores(self, features: Features, boxes: Sequence[Float[Tensor, "_ 4"]]) -> Float[Tensor, "R K h w"]:
        """Logits of a mask for each class of the regions, image after image, in float32 at least."""
        assert self.mask_regions is not None and self.mask_head is not None and self.mask_predictor is not None
        maps = self._shared(self.mask_regions(features, boxes))
        return upcast(cast(Tensor, self.mask_predictor(self.mask_head(maps))))

    def _shared(self, maps: Tensor) -> Tensor:
        return maps if self.shared is None else cast(Tensor, self.shared(maps))
