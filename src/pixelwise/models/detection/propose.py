"""Proposals: the anchors that look most like objects, moved, cut to the image, and thinned out.

Source: Ren et al. 2015, "Faster R-CNN", section 3.3; the order of the steps and the numbers are those of the published
networks on pyramids.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from pixelwise.models.detection.outputs import RegionGroup, RegionScores
from pixelwise.ops import batched_nms, decode_boxes

BEFORE, AFTER = 1000, 1000
"""Proposals per level before suppression and per image after it, for inference; training usually takes 2000."""

OVERLAP = 0.7
"""Largest intersection over union of two proposals of one level."""

LEAST_SIDE = 1e-3
"""Thinner boxes, in pixels, are dropped: clipping leaves some without area."""


@torch.no_grad()
def propose(
    regions: RegionScores,
    before: int = BEFORE,
    after: int = AFTER,
    overlap: float = OVERLAP,
    least_side: float = LEAST_SIDE,
) -> list[Float[Tensor, "_ 4"]]:
    """The proposals of each image, best first, in pixels of the resized image and inside it.

    Per level the `before` highest logits; boxes are clipped to the image without its padding; suppression within each
    level; of what stays the `after` best over all levels. An anchor with a NaN in its logit or deltas is dropped, so
    there may be no proposal at all. No gradient flows into proposals.

    Args:
        regions: what the region proposal network gave.
        before: per level, before suppression.
        after: per image, after it.
        overlap: see `OVERLAP`.
        least_side: see `LEAST_SIDE`.
    """
    found: dict[int, Tensor] = {}
    for group in regions.groups:
        sizes = [regions.frames[number].resized for number in group.numbers]
        boxes, scores, levels = _candidates(group, before)
        boxes = clipped(boxes, image_limits(sizes, boxes)[:, None])
        wide = (boxes[..., 2:] - boxes[..., :2] >= least_side).all(dim=-1)
        image, place = (wide & (scores >= 0)).nonzero(as_tuple=True)
        boxes, scores = boxes[image, place], scores[image, place]
        kept = batched_nms(boxes, scores, image * len(group.per_level) + levels[place], overlap)
        for number, one in zip(group.numbers, by_image(kept, image, len(sizes)), strict=True):
            found[number] = boxes[one[:after]]
    return [found[number] for number in range(len(regions.frames))]


def _candidates(group: RegionGroup, before: int) -> tuple[Tensor, Tensor, Tensor]:
    """The highest logits of each level: boxes (G, S, 4), probabilities (G, S) and level (S) of each."""
    chosen, levels, start = [], [], 0
    for level, count in enumerate(group.per_level):
        top = group.logits[:, start : start + count].topk(min(before, count), dim=1).indices
        chosen.append(top + start)
        levels.append(top.new_full((top.shape[1],), level))
        start += count
    places = torch.cat(chosen, dim=1)
    deltas = group.deltas.gather(1, places[..., None].expand(-1, -1, 4))
    return decode_boxes(deltas, group.anchors[places]), group.logits.gather(1, places).sigmoid(), torch.cat(levels)


def image_limits(sizes: list[tuple[int, int]], like: Tensor) -> Float[Tensor, "B 4"]:
    """The largest x0 y0 x1 y1 inside each image."""
    return like.new_tensor([(width, height, width, height) for height, width in sizes])


def clipped(boxes: Float[Tensor, "*batch 4"], limits: Float[Tensor, "*#batch 4"]) -> Float[Tensor, "*batch 4"]:
    """Boxes cut to images that differ from box to box; NaN stays NaN."""
    return boxes.clamp(min=0).minimum(limits)


def by_image(kept: Tensor, image: Tensor, count: int) -> list[Tensor]:
    """Kept indices, sorted by score over all images, as one list for each image in the same order."""
    numbers = image[kept]
    order = numbers.argsort(stable=True)
    return list(torch.split(kept[order], torch.bincount(numbers, minlength=count).tolist()))
