"""The files of one pair of a flow data set."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FlowItem:
    """Two images and what is known of the motion between them, as files.

    `name` differs between the items of a folder. `flow` is None in test splits whose truth is kept back. `part` is
    what the data set calls a kind of rendering, such as Sintel's "clean" and "final", else "". At most one of
    `occlusion` (a picture, not 0 where the second image hides the pixel) and `seen_flow` (KITTI's flow of pixels that
    stay in sight) is given. `invalid` is a picture, not 0 where the flow must not be used.
    """

    name: str
    image: Path
    second: Path
    flow: Path | None
    split: str = ""
    part: str = ""
    occlusion: Path | None = None
    seen_flow: Path | None = None
    invalid: Path | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """All files of the item."""
        named = (self.image, self.second, self.flow, self.occlusion, self.seen_flow, self.invalid)
        return tuple(file for file in named if file is not None)
