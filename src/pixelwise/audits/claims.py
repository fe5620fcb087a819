"""What the table of groups amounts to: claims in words, each with its number and what to do about it."""

import math
from collections import Counter
from collections.abc import Callable, Sequence

from pixelwise.audits.findings import Finding, Verdict
from pixelwise.audits.statistics.table import Statistics
from pixelwise.audits.subgroups import GroupRow
from pixelwise.drawing import bar_chart, number_text
from pixelwise.reports import Chart, Table
from pixelwise.reports.page import Part

MOST_NAMED = 12
"""More images than this are not named one by one in a report; the table on disk has them all."""

MORE_DATA = "Collect more images of the groups named here and audit again."

Pictures = Callable[[GroupRow], Sequence[Part]]
"""Evidence for a group that fails, such as its worst images."""


def group_findings(rows: Sequence[GroupRow], compared: str, about: str, pictures: Pictures) -> list[Finding]:
    """The findings of a judged table: one for each group that fails, and one for each attribute and measure beside.

    Args:
        rows: judged, of all measures.
        compared: what each group is compared with, in words.
        about: which part of the audit this is.
        pictures: gives evidence for a group that fails.
    """
    failed = [row for row in rows if row.decision == "fail"]
    findings = [_failure(row, compared, about, [*_chart(rows, row), *pictures(row)]) for row in failed]
    for attribute, metric in dict.fromkeys((row.attribute, row.metric) for row in rows if row.decision):
        chosen = [row for row in rows if (row.attribute, row.metric) == (attribute, metric) and row.decision]
        chart = _chart(rows, chosen[0])
        undecided = [row for row in chosen if row.decision in ("inconclusive", "too few")]
        if undecided:
            findings.append(_undecided(undecided, compared, about, chart))
        elif all(row.decision in ("pass", "nothing") for row in chosen):
            findings.append(_passed(chosen, compared, about, chart))
    return findings


def failure_findings(statistics: Statistics) -> list[Finding]:
    """A note on the images without an answer that can be judged; nothing where there are none."""
    failures = statistics.failures
    if not failures:
        return []
    kinds = ", ".join(f"{count} times {kind}" for kind, count in Counter(failures.values()).most_common(3))
    named = list(failures.items())[:MOST_NAMED]
    caption = f"{len(failures)} images without an answer" + (
        f", the first {MOST_NAMED}" if len(failures) > MOST_NAMED else ""
    )
    claim = (
        f"{len(failures)} of {len(statistics)} images have no answer that can be judged ({kinds}). "
        'They count as missed, and in the measure "answered".'
    )
    share = len(failures) / len(statistics)
    return [
        Finding(
            "answers",
            claim,
            share,
            float("nan"),
            float("nan"),
            len(statistics),
            "note",
            "Run the model on the images named here one by one and mend what fails.",
            (Table(["image", "outcome"], named, caption),),
        )
    ]


def _failure(row: GroupRow, compared: str, about: str, evidence: Sequence[Part]) -> Finding:
    claim = (
        f"{row.metric} of images with {row.name} is {number_text(row.gap)} worse than {compared}: "
        f"{number_text(row.value)} on {row.n}, and a gap of more than {number_text(row.margin)} is beyond chance "
        f"(corrected {_p(row.p_adj)})."
        if row.attribute
        else f"{row.metric} over all images is {number_text(row.gap)} worse than {compared}: {number_text(row.value)} "
        f"on {row.n}, and more than {number_text(row.margin)} is beyond chance (corrected {_p(row.p_adj)})."
    )
    advice = (
        f"Look at the pictures of {row.name}; collect or generate more training images like them, and audit again."
        if row.attribute
        else "Do not replace the old model by this one."
    )
    return _of_row(row, about, claim, "fail", advice, evidence)


def _undecided(rows: Sequence[GroupRow], compared: str, about: str, chart: Sequence[Part]) -> Finding:
    """All groups of one attribute that cannot be decided; the number is that of the widest open gap."""
    row = max(rows, key=lambda each: math.inf if math.isnan(each.gap_hi) else each.gap_hi)
    listed = "; ".join(
        f"{each.group} ({each.n} units, {f'about {each.needed} needed' if each.needed else 'at its margin'})"
        for each in rows
    )
    claim = (
        f"{row.metric} by {row.attribute or 'all images'}: whether the gap to {compared} exceeds "
        f"{number_text(row.margin)} cannot be told for {listed}."
    )
    return _of_row(row, about, claim, "inconclusive", MORE_DATA, chart)


def _passed(rows: Sequence[GroupRow], compared: str, about: str, chart: Sequence[Part]) -> Finding:
    judged = [row for row in rows if row.decision == "pass"] or rows
    row = max(judged, key=lambda each: each.gap_hi)
    skipped = len(rows) - len(judged)
    claim = (
        f"{row.metric} by {row.attribute}: no group is worse than {compared} by more than {number_text(row.margin)}; "
        f"the largest gap is at most {number_text(row.gap_hi)} ({row.group})."
        if row.attribute
        else f"{row.metric} over all images is not worse than {compared} by more than {number_text(row.margin)}."
    )
    claim += f" {skipped} groups have nothing to measure." if skipped else ""
    return _of_row(row, about, claim, "pass", "Nothing.", chart)


def _of_row(row: GroupRow, about: str, claim: str, verdict: Verdict, advice: str, evidence: Sequence[Part]) -> Finding:
    return Finding(about, claim, row.gap, row.gap_lo, row.gap_hi, row.n, verdict, advice, tuple(evidence))


def _chart(rows: Sequence[GroupRow], about: GroupRow) -> list[Part]:
    """The values of all groups of a row's attribute with their intervals, beside the value over all images."""
    attribute, metric = about.attribute, about.metric
    if not attribute:
        return []
    shown = [row for row in rows if row.attribute == attribute and row.metric == metric]
    values = {row.group: row.value for row in shown}
    ends = {row.group: (row.lo, row.hi) for row in shown if not math.isnan(row.lo)}
    every = next((row for row in rows if not row.attribute and row.metric == metric), None)
    reference = ("all", every.value) if every is not None else None
    return [Chart(bar_chart(values, f"{metric} by {attribute}", metric, reference, ends))]


def _p(value: float) -> str:
    return "p < 0.0001" if value < 0.0001 else f"p = {value:.4f}"
