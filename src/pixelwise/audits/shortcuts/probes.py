"""Small changes that tell what a model goes by: colour, texture, shape, marks, borders, the place in the picture.

Sources: Geirhos et al. 2019, "ImageNet-Trained CNNs Are Biased Towards Texture" (silhouettes); Lapuschkin et al. 2019,
"Unmasking Clever Hans Predictors" (marks and borders).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64

from pixelwise.audits.intervals import Interval
from pixelwise.audits.shortcuts.cases import Cases
from pixelwise.audits.shortcuts.effects import difference
from pixelwise.audits.shortcuts.notes import with_note
from pixelwise.audits.shortcuts.sight import Sight
from pixelwise.data.transforms.colour import LUMA
from pixelwise.ops.window import read_window
from pixelwise.shapes import Image, Mask

Probe = Callable[[Image, Mask, np.random.Generator], tuple[Image, Mask]]
"""From an image, its object and chance to the changed image and where its object now is."""

MARK, MARK_HEIGHT = "sample", 0.12
"""A word that names nothing, in the corner where agencies put theirs."""

BORDER = 0.06
"""Width of the border as a share of the shorter side."""

SHIFT = 0.25
"""How far the picture moves, as a share of its sides."""

PATCH = 8
"""Pixels a side: smaller than the parts by which animals are told apart, larger than a texture's grain."""


def colour_removed(image: Image, mask: Mask, rng: np.random.Generator) -> tuple[Image, Mask]:
    """The whole image in the grey of its luma."""
    grey = torch.einsum("c,chw->hw", torch.tensor(LUMA).to(image), image)
    return grey.expand(3, -1, -1).clone(), mask


def texture_removed(image: Image, mask: Mask, rng: np.random.Generator) -> tuple[Image, Mask]:
    """The object as a silhouette in its own mean colour: shape and colour are left."""
    plain = image.clone()
    plain[:, mask] = image[:, mask].mean(1, keepdim=True)
    return plain, mask


def shape_removed(image: Image, mask: Mask, rng: np.random.Generator) -> tuple[Image, Mask]:
    """The object's box with its patches of 8 x 8 pixels shuffled: texture and colour are left, and the box's ground.

    Of a box smaller than two patches nothing is shuffled.
    """
    rows, columns = mask.nonzero().unbind(1)
    top, left = int(rows.amin()), int(columns.amin())
    down, across = (int(rows.amax()) + 1 - top) // PATCH, (int(columns.amax()) + 1 - left) // PATCH
    if down * across < 2:
        return image, mask
    order = torch.from_numpy(rng.permutation(down * across))
    box = slice(top, top + down * PATCH), slice(left, left + across * PATCH)
    changed, where = image.clone(), mask.clone()
    changed[:, box[0], box[1]] = _shuffled(image[:, box[0], box[1]], order)
    where[box] = _shuffled(mask[None, box[0], box[1]], order)[0]
    return changed, where


def marked(image: Image, mask: Mask, rng: np.random.Generator) -> tuple[Image, Mask]:
    """A watermark in the lower right corner; what it covers of the object does not count."""
    noted, covered = with_note(image, MARK, (1.0, 1.0), MARK_HEIGHT)
    return noted, mask & ~covered.to(mask.device)


def bordered(image: Image, mask: Mask, rng: np.random.Generator) -> tuple[Image, Mask]:
    """A black border; what it covers of the object does not count."""
    height, width = image.shape[1:]
    thick = max(1, round(BORDER * min(height, width)))
    inner = torch.zeros_like(mask)
    inner[thick : height - thick, thick : width - thick] = True
    return image * inner, mask & inner


def shifted(image: Image, mask: Mask, rng: np.random.Generator) -> tuple[Image, Mask]:
    """The picture moved by a quarter of its sides, towards the side where the object has more room.

    What comes in is the mirror image; the object's part that leaves does not count.
    """
    height, width = image.shape[1:]
    rows, columns = (place.float().mean() for place in mask.nonzero().unbind(1))
    down = round(SHIFT * height) * (1 if float(rows) < height / 2 else -1)
    across = round(SHIFT * width) * (1 if float(columns) < width / 2 else -1)
    moved = read_window(image, -down, -across, (height, width)).clone()
    return moved, read_window(mask, -down, -across, (height, width), "constant", False).clone()


PROBES: dict[str, Probe] = {
    "colour": colour_removed,
    "texture": texture_removed,
    "shape": shape_removed,
    "watermark": marked,
    "border": bordered,
    "position": shifted,
}


@dataclass(frozen=True, eq=False)
class Probed:
    """The share of its class seen in each object, before (N) and under each probe (P, N); NaN where there was none.

    `failures` names what the model, or a probe, could not do.
    """

    names: tuple[str, ...]
    before: Float64[np.ndarray, " N"]
    after: Float64[np.ndarray, "P N"]
    failures: tuple[str, ...]

    def losses(self, rng: np.random.Generator, level: float = 0.95) -> dict[str, Interval]:
        """What each probe takes from the score, with intervals for pairs."""
        return {
            name: difference(self.before, after, rng, level) for name, after in zip(self.names, self.after, strict=True)
        }


def probed(sight: Sight, cases: Cases, seed: int, probes: Mapping[str, Probe] = PROBES) -> Probed:
    """Asks the model about every object as it is and under every probe.

    Args:
        sight: the model.
        cases: the objects.
        seed: of the probes' chance.
        probes: by name.
    """
    before = np.full(len(cases), np.nan)
    after = np.full((len(probes), len(cases)), np.nan)
    failures: list[str] = []
    for index, case in enumerate(cases.cases):
        for row, (name, probe) in enumerate([("as it is", _unchanged), *probes.items()]):
            try:
                image, region = probe(case.image, case.mask, np.random.default_rng([seed, row, index]))
                score = float(sight(image, region)[case.label]) if bool(region.any()) else float("nan")
            except Exception as error:  # a stranger's model may raise anything; it is told, not hidden
                failures.append(f"{case.name}, {name}: {type(error).__name__}: {error}")
                continue
            if row:
                after[row - 1, index] = score
            else:
                before[index] = score
    return Probed(tuple(probes), before, after, tuple(failures))


def _unchanged(image: Image, mask: Mask, rng: np.random.Generator) -> tuple[Image, Mask]:
    return image, mask


def _shuffled(box: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
    """The patches of (C, a PATCH, b PATCH) in another order."""
    channels, height, width = box.shape
    grid = box.reshape(channels, height // PATCH, PATCH, width // PATCH, PATCH).permute(1, 3, 0, 2, 4)
    patches = grid.flatten(0, 1)[order].view(grid.shape)
    return patches.permute(2, 0, 3, 1, 4).reshape(channels, height, width)
