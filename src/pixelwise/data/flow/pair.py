"""Two images and the true motion between them."""

from dataclasses import dataclass

from pixelwise.errors import InputError
from pixelwise.shapes import Flow, Image, Mask


@dataclass(frozen=True, eq=False)
class FlowPair:
    """Two frames of one size, RGB in 0..1, with the motion from the first to the second.

    `flow` is (dx, dy) in pixels, 0 where `valid` is False, which is where it is unknown. `occluded` is True where the
    second frame does not show what the first shows: it left the picture or something nearer covers it; None where
    nobody said. An occluded pixel has a valid flow wherever the truth knows it.
    """

    image: Image
    second: Image
    flow: Flow
    valid: Mask
    occluded: Mask | None = None

    def __post_init__(self) -> None:
        """Checks that all parts have one size.

        Raises:
            InputError: they have not.
        """
        size = tuple(self.image.shape[-2:])
        for name in ("second", "flow", "valid", "occluded"):
            part = getattr(self, name)
            if part is not None and tuple(part.shape[-2:]) != size:
                raise InputError(
                    f"{name} of {size[0]}x{size[1]} (height x width), as the first image has it",
                    f"{part.shape[-2]}x{part.shape[-1]}",
                    hint="check that all files are of the same pair",
                )
