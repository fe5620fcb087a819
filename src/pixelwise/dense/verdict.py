"""What was found about a network's exactness, and the refusal that carries it."""

from dataclasses import dataclass

from pixelwise.errors import InputError
from pixelwise.shapes import Size


@dataclass(frozen=True)
class Finding:
    """Whether one kind of exactness holds; if not, the first node that breaks it, why, and what would help.

    `deviation` is the largest difference that was measured, `scale` the largest score beside it; None where nothing
    was measured.
    """

    exact: bool
    node: str = ""
    reason: str = ""
    hint: str = ""
    deviation: float | None = None
    scale: float | None = None

    def __str__(self) -> str:
        measured = "" if self.deviation is None else f"measured {self.deviation:.1e} of scores up to {self.scale:.1e}"
        if self.exact:
            return f"yes{'; ' + measured if measured else ''}"
        return f"no: {self.node} {self.reason}{'; ' + measured if measured else ''}"


@dataclass(frozen=True)
class Verdict:
    """The three kinds of exactness of a network, for patches of one size.

    `patch_exact`: the dense map at a pixel equals the classifier on the patch there. `stride_exact`: the dense map,
    subsampled by the network's stride, equals the network's own coarse map. `tile_exact`: cutting the image into
    tiles changes nothing.
    """

    patch: Size
    patch_exact: Finding
    stride_exact: Finding
    tile_exact: Finding

    def __str__(self) -> str:
        return "\n".join(
            f"{name:13}{finding}"
            for name, finding in (
                ("patch-exact", self.patch_exact),
                ("stride-exact", self.stride_exact),
                ("tile-exact", self.tile_exact),
            )
        )


class NotExact(InputError):  # noqa: N818  # the name is part of the public face
    """A dense map was asked for that would differ from what it claims to equal."""

    def __init__(self, kind: str, finding: Finding) -> None:
        """Builds the message.

        Args:
            kind: the exactness asked for, such as "patch-exact".
            finding: why the network is not.
        """
        super().__init__(f"a network that is {kind}", str(finding).removeprefix("no: "), finding.hint)
        self.finding = finding
