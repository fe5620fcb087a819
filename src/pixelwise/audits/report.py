"""The page of an audit: the verdict, the findings with their evidence, the table, and how it was judged."""

import math
from collections.abc import Sequence

from pixelwise.audits.conditions import Conditions
from pixelwise.audits.findings import Finding, Verdict, in_order
from pixelwise.audits.statistics.table import Statistics
from pixelwise.audits.subgroups import GroupRow
from pixelwise.reports import Command, Figure, Figures, Section, Table, Text
from pixelwise.reports.page import Cell, Part

HEADINGS: dict[Verdict, str] = {
    "fail": "What fails",
    "inconclusive": "What cannot be told",
    "note": "What else to know",
    "pass": "What passes",
}

HEADER = ("group", "n", "value", "from", "to", "gap", "gap from", "gap to", "p corrected", "decision", "n needed")


def audit_sections(
    findings: Sequence[Finding],
    tables: Sequence[tuple[str, Sequence[GroupRow]]],
    statistics: Statistics,
    conditions: Conditions,
    verdict: Verdict,
) -> list[Section]:
    """The sections of a report, findings first.

    Args:
        findings: all.
        tables: judged rows, each under what the groups are compared with.
        statistics: the table that everything was computed from.
        conditions: what was asked.
        verdict: of the whole audit.
    """
    ordered = in_order(findings)
    parts = [
        Section(HEADINGS[kind], [part for each in ordered if each.verdict == kind for part in _parts(each)])
        for kind in HEADINGS
        if any(each.verdict == kind for each in findings)
    ]
    return [
        Section("Verdict", [_cards(findings, tables, statistics, verdict)]),
        *parts,
        Section("Every group", [part for compared, rows in tables for part in _tables(rows, compared)]),
        Section("How this was judged", [Text(protocol(conditions, statistics))]),
        Section("How to repeat this", [Command("pixelwise audit RUN DATA --by COLUMN --margin M --out REPORT")]),
    ]


def protocol(conditions: Conditions, statistics: Statistics) -> str:
    """How the numbers and the verdict came about, in words."""
    unit = f"clusters ({conditions.clusters})" if conditions.clusters else "images"
    return (
        f"The unit is {unit}; pixels and objects of one image are not independent and are never treated so. The gap of "
        "a group is by how much it is worse than all other images together. Rates of images have Wilson's interval and "
        "Newcombe's for gaps; other measures have expanded percentiles of bootstrap draws "
        f"({conditions.draws} draws, seed {conditions.seed}). Intervals are of level {conditions.level:g}, each for "
        "itself.\n\nA group fails when its gap exceeds the margin beyond chance: one-sided p-values, corrected by Holm "
        f"for all groups and measures, at most {conditions.alpha:g}. So a model without such a gap fails in at most "
        f"{conditions.alpha:.0%} of audits, however many groups are looked at. A group passes when the upper end of "
        "its gap's interval is within the margin. Else it is inconclusive, and the table says how many units would do "
        f"if the gap stayed as it is. Groups of fewer than {conditions.minimum} are listed and not judged. The audit "
        "fails if any group or probe fails, and passes only if none is open.\n\n"
        f"{int(statistics.answered.sum())} of {len(statistics)} images have an answer that can be judged; the others "
        "count as missed and are named above."
    )


def decision_rows(rows: Sequence[GroupRow]) -> list[list[Cell]]:
    """The lines of a table, as `HEADER` has them."""
    return [
        [
            row.name,
            row.n,
            row.value,
            row.lo,
            row.hi,
            row.gap,
            row.gap_lo,
            row.gap_hi,
            row.p_adj,
            row.decision,
            row.needed or None,
        ]
        for row in rows
    ]


def _cards(
    findings: Sequence[Finding],
    tables: Sequence[tuple[str, Sequence[GroupRow]]],
    statistics: Statistics,
    verdict: Verdict,
) -> Figures:
    counts = {kind: sum(each.verdict == kind for each in findings) for kind in HEADINGS}
    note = f"findings: {counts['fail']} fail, {counts['inconclusive']} cannot be told, {counts['pass']} pass"
    cards = [Figure("verdict", verdict, note)]
    first = next((row for _, rows in tables for row in rows), None)
    if first is not None:
        cards.append(Figure(first.metric, first.value, f"{first.lo:.3f} to {first.hi:.3f}, all images"))
    judged = sum(row.decision in ("pass", "fail", "inconclusive") for _, rows in tables for row in rows)
    cards.append(Figure("groups judged", judged, "groups times measures"))
    cards.append(Figure("images", len(statistics), f"{len(statistics.failures)} without a usable answer"))
    return Figures(cards)


def _parts(finding: Finding) -> list[Part]:
    return [Text(f"{finding.told}\n\nWhat to do: {finding.what_to_do}"), *finding.evidence]


def _tables(rows: Sequence[GroupRow], compared: str) -> list[Part]:
    """A table for each measure, and what weakens its intervals."""
    parts: list[Part] = []
    for metric in dict.fromkeys(row.metric for row in rows):
        chosen = [row for row in rows if row.metric == metric]
        margin = next((row.margin for row in chosen if not math.isnan(row.margin)), None)
        told = "" if margin is None else f", margin {margin:g}"
        parts.append(Table(HEADER, decision_rows(chosen), f"{metric}, gaps to {compared}{told}"))
        cautions = [f"{row.name}: {row.note}." for row in chosen if row.note]
        parts += [Text(" ".join(cautions))] if cautions else []
    return parts
