"""The audit of one model: its statistics, groups, probes, findings, verdict, and the files that tell them."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from pixelwise.audits.card import model_card
from pixelwise.audits.change import change_rows
from pixelwise.audits.claims import failure_findings, group_findings
from pixelwise.audits.conditions import Conditions, read_conditions
from pixelwise.audits.evidence import worst_images
from pixelwise.audits.findings import Finding, Verdict, in_order, overall, plain
from pixelwise.audits.gate import judged, verdict_of
from pixelwise.audits.groups import Group, derived_names, find_groups
from pixelwise.audits.measures import Measure, choose_measures
from pixelwise.audits.report import audit_sections
from pixelwise.audits.sample_sets import SampleSet, sample_set
from pixelwise.audits.statistics.collect import Progress, collect
from pixelwise.audits.statistics.table import Statistics
from pixelwise.audits.subgroups import GroupRow, group_rows
from pixelwise.errors import InputError
from pixelwise.files import write_named
from pixelwise.reports import write_page
from pixelwise.reports.page import Part

REST = "all other images"
OLD = "the old model"

Probe = Callable[[Any, SampleSet, np.random.Generator], Sequence[Finding]]
"""Asks a model further questions, of samples, with the audit's generator, and tells findings."""


@dataclass(frozen=True, eq=False)
class Audit:
    """What an audit found.

    `table` compares groups with all other images, `changes` the new model with an old one (empty without one).
    """

    name: str
    data: str
    statistics: Statistics
    conditions: Conditions
    table: tuple[GroupRow, ...]
    changes: tuple[GroupRow, ...]
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        """Fail if anything failed; else inconclusive if anything is open or nothing was judged; else pass."""
        parts: list[Verdict] = [finding.verdict for finding in self.findings if finding.verdict != "note"]
        parts += [verdict_of(rows) for rows in (self.table, self.changes) if any(row.decision for row in rows)]
        return overall(parts) if parts else "inconclusive"

    @property
    def passed(self) -> bool:
        """Whether the model may ship; `fail_on_inconclusive` of the conditions says what open questions mean."""
        return self.verdict == "pass" or (self.verdict == "inconclusive" and not self.conditions.fail_on_inconclusive)

    def to_json(self) -> dict[str, Any]:
        """Verdict, findings, rows and conditions as plain values; NaN becomes None."""
        rows = {"groups": self.table, "changes": self.changes}
        return {
            "model": self.name,
            "data": self.data,
            "source": self.statistics.source,
            "task": self.statistics.task,
            "images": len(self.statistics),
            "unanswered": self.statistics.failures,
            "verdict": self.verdict,
            "passed": self.passed,
            "conditions": asdict(self.conditions),
            "findings": [finding.to_json() for finding in self.findings],
            **{name: [_plain_row(row) for row in part] for name, part in rows.items()},
        }

    def model_card(self) -> str:
        """A model card as Hugging Face reads it."""
        return model_card(self.name, self.data, self.statistics, self.table, self.findings, self.verdict)

    def save(self, path: str | Path) -> None:
        """Writes the report as one page, and the same numbers beside it as .json and as .csv.

        Raises:
            InputError: another suffix than .html, or a path that cannot be written.
        """
        page = Path(path)
        if page.suffix != ".html":
            raise InputError("a report called something.html", f"{page}", hint='audit.save("report.html")')
        write_named(page.with_suffix(".csv"), self._csv().encode("utf-8", "backslashreplace"))
        text = json.dumps(self.to_json(), indent=2, default=str) + "\n"
        write_named(page.with_suffix(".json"), text.encode("utf-8", "backslashreplace"))
        tables = [(compared, rows) for compared, rows in ((REST, self.table), (OLD, self.changes)) if rows]
        sections = audit_sections(self.findings, tables, self.statistics, self.conditions, self.verdict)
        write_page(page, f"Audit of {self.name}", f"{self.data}, {len(self.statistics)} images", sections)

    def _csv(self) -> str:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["compared_with", *(field.name for field in fields(GroupRow))])
        for compared, rows in ((REST, self.table), (OLD, self.changes)):
            writer.writerows(
                [compared, *("" if cell is None else cell for cell in _plain_row(row).values())] for row in rows
            )
        return text.getvalue()


def audit(
    model: Any,
    data: Any,
    by: Sequence[str] = (),
    conditions: Conditions | str | Path | None = None,
    split: str | None = None,
    against: Any = None,
    probes: Sequence[Probe] = (),
    progress: Progress | None = None,
) -> Audit:
    """Audits a model: whom does it fail, is it no worse than the old one, and what do probes say?

    Args:
        model: a predictor from `pixelwise.load`, or any function of an image (3, H, W) of floats 0..1; or the
            `Statistics` of an earlier pass, which is not repeated then.
        data: a folder, one that is open already, or a `SampleSet`.
        by: attributes whose groups are judged, beside those of the conditions; "light*background" crosses two. Besides
            the data's own, brightness, sharpness, object_size, object_position and motion can be measured.
        conditions: what must be met, or a TOML file of it; None judges the task's main measure at its usual margin.
        split: which part of a folder; None takes test, or val where there is no test, or everything.
        against: an older model (or its statistics), than which this one must not be worse on any group.
        probes: further questions, each a function (model, samples, generator) -> findings.
        progress: called with (images done, images in all).

    Raises:
        InputError: data, groups, measures or conditions that cannot be used, or a model that answers nothing.
    """
    settings = _settings(conditions).with_groups(tuple(by))
    samples = None if isinstance(model, Statistics) else sample_set(model, data, split)
    rng = np.random.default_rng(settings.seed)
    statistics = _asked(model, samples, settings, progress)
    groups = find_groups(statistics, settings.by)
    measures = choose_measures(statistics, settings.measures)
    table = judged([row for each in measures for row in group_rows(statistics, groups, each, settings, rng)], settings)
    findings = failure_findings(statistics)
    findings += group_findings(table, REST, "groups", _pictures(model, samples, statistics, groups, measures))
    changes: tuple[GroupRow, ...] = ()
    if against is not None:
        old = _asked(against, samples, settings, progress)
        rows = [row for each in measures for row in change_rows(statistics, old, groups, each, settings, rng)]
        changes = judged(rows, settings)
        findings += group_findings(changes, OLD, "change", lambda row: ())
    for probe in probes:
        if samples is None:
            raise InputError("a model for the probes to ask", "statistics alone", "give the model instead")
        findings += probe(model, samples, rng)
    names = (
        (_name(model), samples.name) if samples is not None else (statistics.source or "model", "earlier statistics")
    )
    return Audit(*names, statistics, settings, table, changes, in_order(findings))


def _settings(conditions: Conditions | str | Path | None) -> Conditions:
    if isinstance(conditions, Conditions):
        return conditions
    return Conditions() if conditions is None else read_conditions(Path(conditions))


def _asked(model: Any, samples: SampleSet | None, settings: Conditions, progress: Progress | None) -> Statistics:
    """The statistics of a model: its own if it is a table already, else those of one pass."""
    if isinstance(model, Statistics):
        return model
    if samples is None:
        raise InputError(
            "statistics of both models, or both models", "statistics and a model", "collect the other, too"
        )
    columns = list(samples.samples[0].attributes) if samples.samples else []
    derive = derived_names(settings.by, columns)
    return collect(model, samples.samples, samples.judge, derive, f"{_name(model)} on {samples.name}", progress)


def _pictures(
    model: Any,
    samples: SampleSet | None,
    statistics: Statistics,
    groups: Sequence[Group],
    measures: Sequence[Measure],
) -> Callable[[GroupRow], Sequence[Part]]:
    """Evidence for a group that fails: its worst images; nothing where there is no model to ask."""
    by_group = {(group.attribute, group.value): group for group in groups}
    by_name = {measure.name: measure for measure in measures}

    def pictures(row: GroupRow) -> Sequence[Part]:
        if samples is None:
            return ()
        inside = by_group[row.attribute, row.group].inside
        return worst_images(model, samples, statistics, by_name[row.metric], inside)

    return pictures


def _name(model: Any) -> str:
    record = getattr(model, "record", None)
    return str(record.model) if record is not None else getattr(model, "__name__", type(model).__name__)


def _plain_row(row: GroupRow) -> dict[str, Any]:
    return {name: plain(value) for name, value in asdict(row).items()}
