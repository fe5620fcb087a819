"""The background swap as one of an audit's probes: `pixelwise.audits.audit(..., probes=[background_probe()])`."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from pixelwise.audits.findings import Finding
from pixelwise.audits.sample_sets import SampleSet
from pixelwise.audits.shortcuts.cases import Cases, cases_from
from pixelwise.audits.shortcuts.effects import effects
from pixelwise.audits.shortcuts.findings import MARGIN, swap_findings
from pixelwise.audits.shortcuts.pictures import swap_sheet
from pixelwise.audits.shortcuts.sight import segmenter_sight
from pixelwise.audits.shortcuts.swap import background_swap
from pixelwise.audits.statistics.segmentation import label_map
from pixelwise.data.transforms.sample import Sample
from pixelwise.errors import InputError
from pixelwise.reports.page import Part, Picture

MOST = 300
"""Images that are swapped at most: enough for intervals of some 0.03 to either side on Pasture, and they are kept in
memory."""

SHOWN = 4


def background_probe(
    margin: float | int = MARGIN, most: int = MOST, background: int = 0
) -> Callable[[Any, SampleSet, np.random.Generator], Sequence[Finding]]:
    """A probe that swaps backgrounds under the objects of a segmentation data set.

    Args:
        margin: the largest context effect that does not matter.
        most: so many images at most, drawn from the audit's generator.
        background: the class that is no object.
    """

    def probe(model: Any, samples: SampleSet, rng: np.random.Generator) -> Sequence[Finding]:
        if samples.task != "segmentation":
            raise InputError("segmentation samples for the background swap", samples.task, "leave the probe out")
        cases = _cases(samples, most, background, rng)
        seed = int(rng.integers(2**31))
        ask = getattr(model, "predict", model)

        def predict(image: Tensor) -> Tensor:
            return label_map(ask(image), len(samples.classes))

        swap = background_swap(segmenter_sight(predict, len(samples.classes)), cases, seed)
        evidence: list[Part] = []
        if len(cases):
            # A model that raised on some picture would do so again here; the findings say on which.
            sheet = swap_sheet(cases, seed, SHOWN, None if swap.failures else predict, samples.classes)
            words = (
                "Objects in every arm, and the labels that the model gives them; numbers are its share of the class."
            )
            evidence.append(Picture(sheet, words, "The same objects before six backgrounds."))
        return swap_findings(swap, effects(swap, rng), margin, evidence)

    return probe


def _cases(samples: SampleSet, most: int, background: int, rng: np.random.Generator) -> Cases:
    """The objects of some of the samples, read into memory."""
    chosen = np.sort(rng.permutation(len(samples.samples))[:most])
    parts = [samples.samples[int(index)] for index in chosen]
    read = [Sample(part.read_images()[0], part.read_truth()) for part in parts]
    return cases_from(read, [part.name for part in parts], background)
