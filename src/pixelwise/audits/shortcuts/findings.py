"""What a background swap says about a model, as findings of a report."""

from collections.abc import Sequence

import numpy as np

from pixelwise.audits.findings import Finding, Verdict, finding
from pixelwise.audits.intervals import SMALL, Interval
from pixelwise.audits.shortcuts.effects import Effects
from pixelwise.audits.shortcuts.swap import ARMS, Swap
from pixelwise.reports.page import Cell, Part, Table

ABOUT = "background swap"

MARGIN = 0.1
"""The context effect that is let pass by default: a tenth of an object's pixels, or one object in ten."""

FEWEST = 10
"""Objects that can be judged, as many as the images of a group: three that happen to agree gave an interval of 0.07."""


def verdict_on(effect: Interval, margin: float | int) -> Verdict:
    """Fail where the whole interval lies above the margin, pass where none of it does, else inconclusive.

    It is one effect that is judged, so nothing is corrected for. Fewer than ten objects, and an interval without width
    of a few that all agree, certify nothing: inconclusive.

    >>> verdict_on(Interval(0.3, 0.25, 0.35, 100), 0.1), verdict_on(Interval(0.02, -0.1, 0.15, 20), 0.1)
    ('fail', 'inconclusive')
    """
    if effect.n < FEWEST or (effect.lo == effect.hi and effect.n < SMALL):
        return "inconclusive"
    if effect.lo > margin:
        return "fail"
    return "pass" if effect.hi <= margin else "inconclusive"


def swap_findings(
    swap: Swap, found: Effects, margin: float | int = MARGIN, evidence: Sequence[Part] = ()
) -> list[Finding]:
    """The findings of a swap: the context effect, which is judged, and what must be known to read it.

    Args:
        swap: the scores.
        found: its effects.
        margin: the largest context effect that does not matter.
        evidence: pictures of arms, from `pixelwise.audits.shortcuts.pictures`.
    """
    verdict = verdict_on(found.context, margin)
    claims = {
        "fail": "The model follows the background: objects lose part of their score on backgrounds of other classes.",
        "pass": "Objects keep their score on backgrounds of other classes.",
        "inconclusive": "Whether objects lose their score on backgrounds of other classes cannot be told from so few.",
        "note": "",
    }
    advice = {
        "fail": "Train with random backgrounds (train segmentation --random-backgrounds 1), then audit again.",
        "pass": "Nothing.",
        "inconclusive": f"Audit more objects; {found.context.n} were not enough for a margin of {margin:g}.",
        "note": "",
    }
    tables = [arm_table(found), left_out_table(swap)]
    return [
        finding(ABOUT, claims[verdict], found.context, verdict, advice[verdict], [*tables, *evidence]),
        finding(
            ABOUT,
            "What cutting out and pasting back does by itself, without any change of place.",
            found.artefact,
            "note",
            "Where this is as large as the context effect, look at the masks before believing either.",
        ),
        finding(
            ABOUT,
            "What the model still sees of the object's class where the object has been taken out.",
            found.reliance,
            "note",
            "Near 0 for a model that needs the object; a classifier of K classes guesses right once in K.",
        ),
    ]


def arm_table(found: Effects) -> Table:
    """The mean score of each arm."""
    rows: list[list[Cell]] = [
        [arm.replace("_", " "), each.value, each.lo, each.hi, each.n] for arm, each in found.arms.items()
    ]
    return Table(["arm", "score", "from", "to", "objects"], rows, "Share of its true class in each object, by arm")


def left_out_table(swap: Swap) -> Table:
    """What is not in the figures, and why."""
    reasons: dict[str, int] = {}
    for reason in swap.left_out.values():
        reasons[reason] = reasons.get(reason, 0) + 1
    for column, arm in enumerate(ARMS):
        missing = int(np.isnan(swap.scores[:, column]).sum())
        if missing:
            reasons[f"without a score in the arm {arm.replace('_', ' ')}"] = missing
    if swap.failures:
        reasons[f"the model failed, as on {swap.failures[0]}"] = len(swap.failures)
    resized = sum(len(row.resized) for row in swap.log)
    if resized:
        reasons["backgrounds of another size, enlarged or shrunk to cover"] = resized
    rows: list[list[Cell]] = [[reason, count] for reason, count in reasons.items()] or [["nothing was left out", 0]]
    return Table(["what", "how many"], rows, f"{len(swap.log)} objects; pairs drawn with seed {swap.seed}")
