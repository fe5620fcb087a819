"""A way of making pictures smaller, as two matrices: what it keeps, and the much larger part that it throws away."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from pixelwise.errors import InputError

Downscale = Callable[[Tensor], Tensor]
"""Takes images (..., H, W), gives them smaller."""

LINEAR_TO = 1e-6
"""Largest deviation of the callable from its matrices on a random image of values 0..1; float32 gives about 1e-7."""


@dataclass(frozen=True, eq=False)
class Shrinking:
    """The small image is rows @ image @ columns.T, in every channel; computed in float64."""

    rows: Float64[Tensor, "h H"]
    columns: Float64[Tensor, "w W"]

    @cached_property
    def _inverses(self) -> tuple[Tensor, Tensor]:
        return torch.linalg.pinv(self.rows), torch.linalg.pinv(self.columns)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the large images."""
        return self.rows.shape[1], self.columns.shape[1]

    @property
    def free_share(self) -> float:
        """The share of an image's numbers that the small one leaves open: 15/16 where sides shrink to a quarter."""
        ranks = [int(torch.linalg.matrix_rank(matrix)) for matrix in (self.rows, self.columns)]
        return 1 - ranks[0] * ranks[1] / (self.size[0] * self.size[1])

    def down(self, images: Float[Tensor, "*channels H W"]) -> Float64[Tensor, "*channels h w"]:
        """The small images."""
        return self.rows @ images.double() @ self.columns.T

    def plainest(self, small: Float[Tensor, "*channels h w"]) -> Float64[Tensor, "*channels H W"]:
        """The large images with these small ones and nothing else in them: of all, those with the least squares."""
        up, along = self._inverses
        return up @ small.double() @ along.T

    def hidden(self, images: Float[Tensor, "*channels H W"]) -> Float64[Tensor, "*channels H W"]:
        """The part of the images that the small ones do not show: it can be changed at will, unseen."""
        return images.double() - self.plainest(self.down(images))


def shrinking(height: int, width: int, downscale: Downscale) -> Shrinking:
    """The matrices of a callable that shrinks, found by shrinking single bright rows and columns.

    Takes as many calls as the image has rows and columns.

    Args:
        height: of the large images.
        width: of the large images.
        downscale: any linear callable that treats rows and columns one after the other, such as
            `functools.partial(resize_matlab, scale=1 / 4)`; it gets float64.

    Raises:
        InputError: a callable that fails, that is not of this kind, or that does not shrink.
    """
    blank = torch.zeros(1, height, width, dtype=torch.float64)
    rows = [_shrunk(downscale, blank.index_fill(1, torch.tensor(row), 1))[0, :, 0] for row in range(height)]
    columns = [_shrunk(downscale, blank.index_fill(2, torch.tensor(column), 1))[0, 0] for column in range(width)]
    found = Shrinking(torch.stack(rows, 1), torch.stack(columns, 1))
    probe = torch.rand(1, height, width, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    direct, composed = _shrunk(downscale, probe), found.down(probe)
    off = float((direct - composed).abs().max()) if direct.shape == composed.shape else float("nan")
    if not off <= LINEAR_TO or composed.numel() >= probe.numel():
        raise InputError(
            "a callable that shrinks rows and columns linearly",
            f"{tuple(probe.shape)} became {tuple(direct.shape)}, off by {off:.2g} from what rows and columns give",
            hint="pass functools.partial(resize_matlab, scale=1 / 4), without rounding or clipping",
        )
    return found


def _shrunk(downscale: Downscale, images: Tensor) -> Tensor:
    try:
        small = downscale(images).double()
        small[0, 0, 0]  # an image with pixels
        return small
    except Exception as error:
        raise InputError(
            f"a callable that shrinks images {tuple(images.shape)}",
            f"{type(error).__name__}: {error}",
            hint="it gets float64 images, channels first",
        ) from error
