"""The background swap: the same objects before other backgrounds, each step with its control.

Source of the arms: Xiao, Engstrom, Ilyas, Madry 2021, "Noise or Signal" (ImageNet-9: Original, Mixed-Same, Mixed-Rand,
Only-BG). Added here: the self-composite, which shows what cutting and pasting alone does, and masks of any source.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64

from pixelwise.audits.shortcuts.cases import Case, Cases
from pixelwise.audits.shortcuts.pairing import Pairing, paired_backgrounds
from pixelwise.audits.shortcuts.sight import Sight
from pixelwise.data.transforms.compositing import FEATHER, UNKNOWN, covering, laid_over, opacity, without
from pixelwise.shapes import Image

ARMS = ("original", "self_composite", "same_class", "other_class", "grey", "background_only")
"""The picture as it is; its object cut out and put back on its own background, continued under it; on the background of
another picture of its class; of a picture of another class; on plain grey; and the background without the object."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Row:
    """What one case met: which backgrounds, and which of them had another size."""

    name: str
    label: int
    same_class: str
    other_class: str
    resized: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Swap:
    """The share of its true class that the model sees in each object, in each arm.

    `scores` is (N, 6) in the order of `ARMS`; NaN where an arm could not be made (no other picture of that class) or
    the model failed on it. `log` names the backgrounds that each case got, `pairings` has their numbers. `left_out` and
    `failures` say what is not in the figures and why.
    """

    log: tuple[Row, ...]
    pairings: tuple[Pairing, ...]
    scores: Float64[np.ndarray, "N 6"]
    left_out: dict[str, str]
    failures: tuple[str, ...]
    seed: int

    def arm(self, name: str) -> Float64[np.ndarray, " N"]:
        """The scores of one arm."""
        return self.scores[:, ARMS.index(name)]


def background_swap(
    sight: Sight, cases: Cases, seed: int, feather: float | int = FEATHER, progress: Progress | None = None
) -> Swap:
    """Asks the model about every object in every arm.

    What it raises on one picture is kept in `failures`, and the audit goes on.

    Args:
        sight: the model; see `pixelwise.audits.shortcuts.sight`.
        cases: the objects.
        seed: decides which backgrounds the objects get.
        feather: pixels over which pasted objects fade at their edges.
        progress: called with (cases done, cases in all).
    """
    every = cases.cases
    pairings = paired_backgrounds([case.label for case in every], np.random.default_rng(seed))
    scores = np.full((len(every), len(ARMS)), np.nan)
    failures: list[str] = []
    log = []
    for index, (case, pairing) in enumerate(zip(every, pairings, strict=True)):
        for column, (arm, image) in enumerate(arms(case, pairing, cases, feather)):
            if image is None:
                continue
            try:
                scores[index, column] = sight(image, case.mask)[case.label]
            except Exception as error:  # a stranger's model may raise anything; it is told, not hidden
                failures.append(f"{case.name}, {arm}: {type(error).__name__}: {error}")
        log.append(_row(case, pairing, every))
        if progress is not None:
            progress(index + 1, len(every))
    return Swap(tuple(log), tuple(pairings), scores, cases.left_out, tuple(failures), seed)


def arms(
    case: Case, pairing: Pairing, cases: Cases, feather: float | int = FEATHER
) -> Iterator[tuple[str, Image | None]]:
    """The picture of each arm, in the order of `ARMS`; None where there is no background for it."""
    alpha = opacity(case.mask, feather)
    size = (case.image.shape[1], case.image.shape[2])
    own = without(case.image, case.taken_out)
    yield "original", case.image
    yield "self_composite", laid_over(case.image, alpha, own)
    for arm, number in (("same_class", pairing.same_class), ("other_class", pairing.other_class)):
        if number is None:
            yield arm, None
            continue
        donor = cases.cases[number]
        yield arm, laid_over(case.image, alpha, covering(without(donor.image, donor.taken_out), size))
    yield "grey", laid_over(case.image, alpha, torch.full_like(case.image, UNKNOWN))
    yield "background_only", own


def _row(case: Case, pairing: Pairing, every: tuple[Case, ...]) -> Row:
    names, resized = [], []
    for number in (pairing.same_class, pairing.other_class):
        names.append("" if number is None else every[number].name)
        if number is not None and every[number].image.shape != case.image.shape:
            resized.append(every[number].name)
    return Row(case.name, case.label, names[0], names[1], tuple(resized))
