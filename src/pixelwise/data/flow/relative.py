"""A small motion of the second image alone, as if the camera had moved a little more between the two frames."""

from dataclasses import dataclass, replace
from math import cos, radians, sin

import torch
from torch import Tensor

from pixelwise.data.transforms.geometry import Move
from pixelwise.errors import InputError

Number = float | int


@dataclass(frozen=True)
class Relative:
    """How far the second image may move besides what both do; the values are the largest ones, 0 is off.

    `shift` is pixels of the crop in x and y, `rotation` degrees about the crop's middle, and `zoom` a factor: 0.02
    means from 1/1.02 to 1.02, drawn evenly in the logarithm. All but `zoom` are drawn evenly to either side.
    """

    shift: Number = 0.0
    rotation: Number = 0.0
    zoom: Number = 0.0

    def __post_init__(self) -> None:
        """Checks the ranges.

        Raises:
            InputError: a value is negative or too large to leave something in sight.
        """
        rules = (
            ("shift", self.shift, float("inf"), "pixels from 0 on"),
            ("rotation", self.rotation, 180.0, "0..180 degrees"),
            ("zoom", self.zoom, 1.0, "0..1"),
        )
        for name, value, largest, wanted in rules:
            if not (0 <= value <= largest and value < float("inf")):
                raise InputError(f"{name} as {wanted}", str(value), hint=f"pass Relative({name}=0) to switch it off")

    @property
    def off(self) -> bool:
        """Whether the second image moves as the first."""
        return self.shift == 0 and self.rotation == 0 and self.zoom == 0


def draw_second(move: Move, relative: Relative, generator: torch.Generator) -> Move:
    """How the second image is moved when the first is moved by `move`; the very same when `relative` is off.

    Four numbers are drawn in any case, so that switching the relative motion off changes nothing else.
    """
    draws = (2 * torch.rand(4, generator=generator, dtype=torch.float64) - 1).tolist()
    if relative.off:
        return move
    zoom, turn = (1 + relative.zoom) ** draws[0], radians(relative.rotation * draws[1])
    shift = torch.tensor([relative.shift * draws[2], relative.shift * draws[3]], dtype=torch.float64)
    # A point of the crop moves to middle + zoom turn (point - middle) + shift; a place of the moved crop shows what
    # the crop showed where the place comes from.
    back = torch.tensor([[cos(turn), sin(turn)], [-sin(turn), cos(turn)]], dtype=torch.float64) / zoom
    matrix: Tensor = move.matrix @ back
    return replace(move, matrix=matrix, centre=move.centre - matrix @ shift, exact=False)
