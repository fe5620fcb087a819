"""The gate: pass, fail or inconclusive, with a bound on how often a model without a gap fails.

A group fails when its gap to all other images exceeds the margin beyond chance: its one-sided p-value, corrected by
Holm for everything that is judged, is at most alpha. A model whose gaps all lie within the margin then fails with
probability alpha at most, however many groups there are. A group passes when the upper end of its gap's interval lies
within the margin. What neither fails nor passes is inconclusive: there are too few images to tell, and the row says how
many would do.

Thresholds on the difference between the best and the worst group have no such bound: on eight groups of 200 images
with nothing wrong, a gap of 0.05 is exceeded three times out of four.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from pixelwise.audits.conditions import Conditions
from pixelwise.audits.findings import Verdict
from pixelwise.audits.intervals import SMALL, holm
from pixelwise.audits.subgroups import Decision, GroupRow


def judged(rows: Sequence[GroupRow], conditions: Conditions) -> tuple[GroupRow, ...]:
    """The rows with corrected p-values, decisions, and the number of units needed where there is no decision.

    Args:
        rows: of all groups and measures that are judged together; rows of all images have no gap and stay as they are.
        conditions: alpha and the smallest group that is judged.
    """
    tested = [_is_tested(row, conditions) for row in rows]
    p = holm([row.p if test else math.nan for row, test in zip(rows, tested, strict=True)])
    return tuple(
        _decided(replace(row, p_adj=float(corrected)), test, conditions)
        for row, corrected, test in zip(rows, p, tested, strict=True)
    )


def verdict_of(rows: Sequence[GroupRow]) -> Verdict:
    """Fail if any group failed; else inconclusive if any is, or has too few images to be judged; else pass.

    Inconclusive, too, where no group was judged at all.
    """
    decisions = {row.decision for row in rows}
    if "fail" in decisions:
        return "fail"
    return "inconclusive" if decisions & {"inconclusive", "too few"} or "pass" not in decisions else "pass"


def _is_tested(row: GroupRow, conditions: Conditions) -> bool:
    return not math.isnan(row.gap) and row.n >= conditions.minimum and not math.isnan(row.p)


def _decided(row: GroupRow, tested: bool, conditions: Conditions) -> GroupRow:
    if math.isnan(row.margin):  # all images: compared with nothing
        return row
    decision = _decision(row, tested, conditions)
    return replace(row, decision=decision, needed=_needed(row, conditions) if decision in ASKING else 0)


ASKING: tuple[Decision, ...] = ("inconclusive", "too few")


def _decision(row: GroupRow, tested: bool, conditions: Conditions) -> Decision:
    if math.isnan(row.value) or math.isnan(row.gap) or not row.n:
        return "nothing"
    if row.n < conditions.minimum:
        return "too few"
    if tested and row.p_adj <= conditions.alpha:
        return "fail"
    # A resampled interval of a few equal images has no width and certifies nothing.
    empty = row.gap_lo == row.gap_hi and row.n < SMALL
    return "pass" if row.gap_hi <= row.margin and not empty else "inconclusive"


def _needed(row: GroupRow, conditions: Conditions) -> int:
    """Units at which an interval of the same centre would leave the margin outside: its width falls with the root."""
    distance = abs(row.gap - row.margin)
    reach = row.gap_hi - row.gap if row.gap <= row.margin else row.gap - row.gap_lo
    if math.isnan(reach) or not distance or not reach:
        return max(conditions.minimum, SMALL) if row.decision != "fail" and math.isnan(reach) else 0
    return max(conditions.minimum, math.ceil(row.n * (reach / distance) ** 2))
