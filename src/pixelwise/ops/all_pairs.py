"""How alike every place of one feature map is to every place of another, and a lookup where a flow points (RAFT)."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from pixelwise.errors import InputError


def all_pairs_correlation(
    first: Float[Tensor, "B C H W"], second: Float[Tensor, "B C h w"], levels: int = 4
) -> tuple[Float[Tensor, "B H W _ _"], ...]:
    """The scalar product of every place of `first` with every place of `second`, over sqrt(C), at `levels` scales.

    Level 0 is B H W h w; each further level averages `second`'s places in cells of 2x2 (Teed & Deng 2020, section
    3.2). A cell at the lower or right edge holds the places that exist, so maps with an odd side or a side of 1 work;
    RAFT's own code drops an odd last row and fails on a side of 1. For maps of equal size the first level takes
    4 * B * (H W)**2 bytes in float32: 198 MB for 55x128. No channels give 0.

    Args:
        first: features of the places that ask.
        second: features of the places that are searched; another size than `first` is allowed.
        levels: number of scales, at least 1.

    Raises:
        InputError: the maps do not fit together, are not float, have no pixels, or `levels` is below 1.
    """
    _check(first, second, levels)
    batch, channels, height, width = first.shape
    # In float32 at least: half precision would overflow in the sums.
    exact = torch.promote_types(first.dtype, torch.float32)
    places = first.flatten(2).transpose(1, 2).to(exact) / max(channels, 1) ** 0.5
    searched = second.to(exact)
    pyramid: list[Tensor] = []
    while len(pyramid) < levels:
        # Products are linear, so averaging the features first gives the same numbers and spares a pass over the volume.
        searched = _halved(searched) if pyramid else searched
        volume = torch.bmm(places, searched.flatten(2)).to(first.dtype)
        pyramid.append(volume.view(batch, height, width, *searched.shape[2:]))
    return tuple(pyramid)


def lookup_correlation(
    pyramid: Sequence[Float[Tensor, "B H W _ _"]], coordinates: Float[Tensor, "B 2 H W"], radius: int = 4
) -> Float[Tensor, "B D H W"]:
    """The correlations of each place with (2 radius + 1)**2 places around its position in the second map, per level.

    Channels are ordered by level, then dy (slow), then dx (fast). Values between places are bilinear, those outside
    the map 0; a position that is not finite is outside. The result has the dtype of the volume.

    Positions count as everywhere in this package: centres at +0.5, so level k is read at coordinates / 2**k, exactly
    where its cells lie. Differs from RAFT's code, which counts centres from 0 and so reads level k by (1 - 2**-k) / 2
    of its cells too far to the lower right, and which has dx as the slow index.

    Args:
        pyramid: what `all_pairs_correlation` returned.
        coordinates: (x, y) in pixels of the second map for every place of the first, such as centres plus flow.
        radius: steps in each direction, of one cell of the level; 0 reads only the position.

    Raises:
        InputError: there are no levels, the batch or size differs, or `radius` is negative.
    """
    if not pyramid or radius < 0:
        raise InputError(
            "at least one level and a radius of at least 0",
            f"{len(pyramid)} levels and radius {radius}",
            hint="pass the tuple that all_pairs_correlation returned",
        )
    batch, height, width = pyramid[0].shape[:3]
    if coordinates.shape != (batch, 2, height, width) or coordinates.device != pyramid[0].device:
        raise InputError(
            f"coordinates of shape {(batch, 2, height, width)} on {pyramid[0].device}",
            f"{tuple(coordinates.shape)} on {coordinates.device}",
            hint="one (x, y) for every place of the first map, such as pixel_centres + flow",
        )
    # Half precision has gaps wider than a pixel beyond 2048.
    positions = coordinates.movedim(1, -1).reshape(-1, 2)
    positions = positions.to(torch.promote_types(coordinates.dtype, torch.float32))
    values = [_windows(level.flatten(0, 2), positions / 2**k, radius) for k, level in enumerate(pyramid)]
    side = (2 * radius + 1) ** 2 * len(pyramid)
    return torch.cat([level.flatten(1) for level in values], 1).view(batch, height, width, side).movedim(-1, 1)


def _halved(maps: Tensor) -> Tensor:
    """Averages over cells of 2x2; one at the edge holds the places that exist (torch's ceil_mode does not export)."""
    for axis in (2, 3):
        size = maps.shape[axis]
        near = torch.arange(0, size, 2, device=maps.device)
        far = (near + 1).clamp(max=size - 1)
        maps = (maps.index_select(axis, near) + maps.index_select(axis, far)) / 2
    return maps


def _windows(maps: Tensor, positions: Tensor, radius: int) -> Tensor:
    """Bilinear values at position + (-radius..radius) in both axes, one map and one position (x, y) per entry.

    All of a window lie equally between their pixels, so it is read once and blended by shifting.
    """
    height, width = maps.shape[1:]
    size = torch.tensor([width, height], device=positions.device)
    reach = radius + 2
    # Beyond `reach` everything is 0, so positions may be held there; whole numbers stay small enough for an index.
    positions = torch.where(positions.isfinite(), positions, -reach).clamp(-reach)
    positions = positions.minimum((size + reach).to(positions.dtype)) - 0.5
    corner = positions.detach().floor()
    right, down = (positions - corner).to(torch.promote_types(maps.dtype, torch.float32))[:, :, None, None].unbind(1)
    steps = torch.arange(-radius, radius + 2, device=positions.device)
    columns, rows = (corner.long()[:, :, None] + steps).unbind(1)
    inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
    places = rows.clamp(0, height - 1)[:, :, None] * width + columns.clamp(0, width - 1)[:, None, :]
    window = maps.flatten(1).gather(1, places.flatten(1)).view(places.shape).to(right.dtype)
    window = torch.where(inside, window, 0)
    window = torch.lerp(window[:, :-1], window[:, 1:], down)
    return torch.lerp(window[:, :, :-1], window[:, :, 1:], right).to(maps.dtype)


def _check(first: Tensor, second: Tensor, levels: int) -> None:
    if (
        (first.ndim, first.shape[:2]) != (second.ndim, second.shape[:2])
        or first.ndim != 4
        or (first.dtype, first.device) != (second.dtype, second.device)
    ):
        raise InputError(
            "two feature maps B C H W of one batch, channels, dtype and device",
            f"{tuple(first.shape)} {first.dtype} on {first.device} and "
            f"{tuple(second.shape)} {second.dtype} on {second.device}",
            hint="compute both with the same network",
        )
    if not first.is_floating_point():
        raise InputError("float feature maps", str(first.dtype), hint="convert both with .float()")
    if 0 in (*first.shape[2:], *second.shape[2:]) or levels < 1:
        raise InputError(
            "feature maps with pixels and at least one level",
            f"shapes {tuple(first.shape)} and {tuple(second.shape)}, {levels} levels",
            hint="leave empty images out of the batch; RAFT has 4 levels",
        )
