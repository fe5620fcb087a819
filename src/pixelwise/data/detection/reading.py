"""What a reader found for one image: its objects, and what each is called in the file."""

from dataclasses import dataclass, replace

import torch

from pixelwise.data.detection.objects import Objects
from pixelwise.data.detection.polygon_fill import fill_polygons
from pixelwise.ops.run_lengths import Rle
from pixelwise.shapes import Size

Corners = tuple[float, float, float, float]


@dataclass(frozen=True)
class Draft:
    """One object on its way from a file; `name` is what a message calls it."""

    name: str
    box: Corners
    label: int
    crowd: bool = False
    difficult: bool = False
    mask: Rle | None = None


@dataclass(frozen=True)
class Reading:
    """The objects of one image and their names in the file, such as "annotation 12" or "line 3"."""

    objects: Objects
    names: tuple[str, ...]


def reading_of(drafts: list[Draft], size: Size, masks: bool) -> Reading:
    """The drafts as one record.

    With masks, an object without one in an image where others have theirs becomes a region that counts for nothing:
    a crowd over its whole box. It is then neither trained as background nor given a mask that nobody drew. Where no
    object of the image has a mask, the record has none.

    Args:
        drafts: the objects.
        size: height and width of the image.
        masks: whether masks are wanted.
    """
    if masks and any(draft.mask for draft in drafts):
        drafts = [draft if draft.mask else _region(draft, size) for draft in drafts]
    runs = tuple(draft.mask for draft in drafts if draft.mask is not None)
    objects = Objects(
        boxes=torch.tensor([draft.box for draft in drafts], dtype=torch.float64).reshape(-1, 4).float(),
        labels=torch.tensor([draft.label for draft in drafts], dtype=torch.int64),
        crowd=torch.tensor([draft.crowd for draft in drafts], dtype=torch.bool),
        difficult=torch.tensor([draft.difficult for draft in drafts], dtype=torch.bool),
        masks=runs if masks and len(runs) == len(drafts) else None,
        size=size,
    )
    return Reading(objects, tuple(draft.name for draft in drafts))


def _region(draft: Draft, size: Size) -> Draft:
    x0, y0, x1, y1 = draft.box
    corners = [[x0, y0, x1, y0, x1, y1, x0, y1]]
    return replace(draft, crowd=True, mask=fill_polygons(corners, size, draft.name))
