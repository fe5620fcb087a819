"""A model card in the form that Hugging Face reads: YAML between lines of dashes, then Markdown.

The numbers of the card's model index are those of all images; groups, intervals and decisions stand in its tables, as
the index has no place for them.
"""

import json
import math
from collections.abc import Sequence

from pixelwise.audits.findings import Finding, Verdict, in_order
from pixelwise.audits.statistics.table import Statistics, Task
from pixelwise.audits.subgroups import GroupRow
from pixelwise.drawing import number_text

HUB_TASKS: dict[Task, str] = {
    "classification": "image-classification",
    "segmentation": "image-segmentation",
    "detection": "object-detection",
    "flow": "optical-flow-estimation",
}
"""The names of the tasks there."""


def model_card(
    name: str,
    data: str,
    statistics: Statistics,
    rows: Sequence[GroupRow],
    findings: Sequence[Finding],
    verdict: Verdict,
) -> str:
    """The card as one text.

    Args:
        name: of the model.
        data: what it was audited on.
        statistics: the table.
        rows: judged rows of all measures.
        findings: all.
        verdict: of the whole audit.
    """
    overall = [row for row in rows if not row.attribute]
    return "\n".join(
        [
            *_head(name, data, statistics, overall),
            f"# {_line(name)}",
            "",
            f"Audited with pixelwise on {_line(data)}: {len(statistics)} images. Verdict: **{verdict}**.",
            "",
            "## Findings",
            "",
            *(
                f"- **{each.verdict}** ({_line(each.about)}): {_line(each.told)} {_line(each.what_to_do)}"
                for each in in_order(findings)
            ),
            "",
            "## Results by group",
            "",
            "Intervals are of 95 % unless the report says otherwise; gaps are to all other images, positive where the "
            "group is worse.",
            "",
            *_table(rows),
            "",
            "## Limits",
            "",
            "The figures hold for images like the audited ones. Groups that were not asked for, or that have too few "
            "images, are not covered. report.html says how each figure was computed.",
            "",
        ]
    )


def _head(name: str, data: str, statistics: Statistics, overall: Sequence[GroupRow]) -> list[str]:
    """The part in YAML; words are quoted as JSON, which YAML contains, so nothing in them can end it."""
    task = HUB_TASKS[statistics.task]
    lines = [
        "---",
        "library_name: pixelwise",
        f"pipeline_tag: {task}",
        "tags:",
        "- pixelwise",
        "model-index:",
        f"- name: {json.dumps(name)}",
        "  results:",
        "  - task:",
        f"      type: {task}",
        "    dataset:",
        f"      name: {json.dumps(data)}",
        "      type: folder",
        "    metrics:",
    ]
    for row in overall:
        if not math.isnan(row.value):
            lines += [f"    - type: {json.dumps(row.metric)}", f"      value: {row.value:.6f}"]
    return [*lines, "---", ""]


def _table(rows: Sequence[GroupRow]) -> list[str]:
    lines = [
        "| group | measure | n | value | interval | gap | gap's interval | decision |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [
            _line(row.name).replace("|", "\\|"),
            _line(row.metric).replace("|", "\\|"),
            str(row.n),
            number_text(row.value),
            f"{number_text(row.lo)} to {number_text(row.hi)}",
            number_text(row.gap),
            f"{number_text(row.gap_lo)} to {number_text(row.gap_hi)}",
            row.decision,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _line(words: str) -> str:
    """Words of strangers as one line without markup."""
    return " ".join(words.split()).replace("<", "&lt;").replace("`", "'")
