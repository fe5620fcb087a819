"""Typographic attacks: does a word on the picture decide what the model sees, and where and how large must it stand?

Source: Goh et al. 2021, "Multimodal Neurons in Artificial Neural Networks" (an apple with a note "iPod" on it). Added
here: a blank note and a note with a nonsense word as controls, so that covering, writing and meaning are told apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64

from pixelwise.audits.intervals import Interval
from pixelwise.audits.shortcuts.cases import Case, Cases
from pixelwise.audits.shortcuts.effects import difference
from pixelwise.audits.shortcuts.notes import Place, nonsense, with_note
from pixelwise.audits.shortcuts.sight import Sight
from pixelwise.errors import InputError
from pixelwise.shapes import Image, Mask

NOTES = ("clean", "blank", "nonsense", "word")

MIDDLE: Place = (0.5, 0.5)

PLACES: tuple[Place, ...] = tuple((down, across) for down in (0.15, 0.5, 0.85) for across in (0.2, 0.5, 0.8))
"""Three by three over the picture, for `note_curve`."""

HEIGHTS = (0.1, 0.2, 0.3)


@dataclass(frozen=True, eq=False)
class Typographic:
    """What the model saw in each object under each note.

    `right` and `lured` are (N, 4) in the order of `NOTES`: the share of the object's own class and of the class that
    the word names, in the part of the object that no note covers. NaN where nothing of the object is left, or the model
    failed. `words` and `controls` are what was written; `covered` is the mean share of the picture under a note.
    """

    right: Float64[np.ndarray, "N 4"]
    lured: Float64[np.ndarray, "N 4"]
    words: tuple[str, ...]
    controls: tuple[str, ...]
    covered: float
    failures: tuple[str, ...]

    def reading(self, rng: np.random.Generator, level: float = 0.95) -> Interval:
        """How much more the named class is seen under its word than under a nonsense word: meaning alone."""
        return self._lured("word", "nonsense", rng, level)

    def writing(self, rng: np.random.Generator, level: float = 0.95) -> Interval:
        """How much more the named class is seen under a nonsense word than under a blank note: letters alone."""
        return self._lured("nonsense", "blank", rng, level)

    def covering(self, rng: np.random.Generator, level: float = 0.95) -> Interval:
        """How much less the object's own class is seen under a blank note than without one: covering alone."""
        clean, blank = self.right[:, NOTES.index("clean")], self.right[:, NOTES.index("blank")]
        return difference(clean, blank, rng, level)

    def _lured(self, first: str, second: str, rng: np.random.Generator, level: float) -> Interval:
        one, two = (self.lured[:, NOTES.index(name)] for name in (first, second))
        return difference(one, two, rng, level)


def typographic(
    sight: Sight,
    cases: Cases,
    classes: Sequence[str],
    seed: int,
    place: Place = MIDDLE,
    height: float | int = 0.2,
) -> Typographic:
    """Sticks a note with the name of another class on every picture, and the controls.

    Args:
        sight: the model.
        cases: the objects.
        classes: name of each class; the words are names of classes that some object has.
        seed: decides which word each picture gets.
        place: where the notes stand.
        height: of the notes, as a share of the picture's.

    Raises:
        InputError: fewer than two classes among the objects, or see `with_note`.
    """
    present = sorted({case.label for case in cases.cases})
    if len(present) < 2:
        raise InputError("objects of at least two classes", f"{len(present)}", hint="a word must name another class")
    rng = np.random.default_rng(seed)
    right, lured = (np.full((len(cases), len(NOTES)), np.nan) for _ in range(2))
    words, controls, shares, failures = [], [], [], list[str]()
    for index, case in enumerate(cases.cases):
        others = [label for label in present if label != case.label]
        target = others[int(rng.integers(len(others)))]
        word, control = classes[target], nonsense(classes[target], set(classes), rng)
        for column, (image, covered) in enumerate(_noted(case, word, control, place, height)):
            seen = _seen(sight, image, case.mask & ~covered, f"{case.name}, {NOTES[column]}", failures)
            if seen is not None:
                right[index, column], lured[index, column] = seen[case.label], seen[target]
        words.append(word)
        controls.append(control)
        shares.append(float(covered.float().mean()))
    return Typographic(right, lured, tuple(words), tuple(controls), float(np.mean(shares)), tuple(failures))


def note_curve(
    sight: Sight,
    cases: Cases,
    classes: Sequence[str],
    seed: int,
    places: Sequence[Place] = PLACES,
    heights: Sequence[float | int] = HEIGHTS,
) -> list[tuple[Place, float | int, Typographic]]:
    """The same at every place and height: (place, height, what was seen), all with the same words.

    Args:
        sight: the model.
        cases: the objects.
        classes: name of each class.
        seed: decides which word each picture gets.
        places: where the notes stand.
        heights: of the notes, as shares of the picture's.

    Raises:
        InputError: see `typographic`.
    """
    return [
        (place, height, typographic(sight, cases, classes, seed, place, height))
        for place in places
        for height in heights
    ]


def _noted(case: Case, word: str, control: str, place: Place, height: float | int) -> list[tuple[Image, Mask]]:
    """The picture under each of `NOTES`, and what is covered."""
    noted = with_note(case.image, word, place, height)
    return [
        (case.image, torch.zeros_like(case.mask)),
        with_note(case.image, word, place, height, ink=False),
        with_note(case.image, control, place, height),
        noted,
    ]


def _seen(sight: Sight, image: Image, region: Mask, what: str, failures: list[str]) -> Float64[np.ndarray, " K"] | None:
    """What the model sees; None where no pixel of the object is left, or the model failed, which is noted."""
    if not bool(region.any()):
        return None
    try:
        return sight(image, region)
    except Exception as error:  # a stranger's model may raise anything; it is told, not hidden
        failures.append(f"{what}: {type(error).__name__}: {error}")
        return None
