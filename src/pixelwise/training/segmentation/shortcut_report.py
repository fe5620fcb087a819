"""The part of a run's report that says what was done against shortcuts, on which groups, and what came of it."""

import math
from collections.abc import Mapping
from typing import Any

from pixelwise.inference.run_record import RunRecord
from pixelwise.reports import Section, Table, Text
from pixelwise.training.metrics_file import Row
from pixelwise.training.segmentation.group_scores import OF_GROUP, WORST
from pixelwise.training.segmentation.robust_settings import WEIGHTS

METHODS = {
    "group_dro": "GroupDRO (Sagawa et al. 2020): group weights follow the groups that are worst off, with a step of",
    "vrex": "VREx (Krueger et al. 2021): the variance of the groups' losses is added with a weight of",
    "irm": "IRM (Arjovsky et al. 2019): each group's penalty is added with a weight of",
    "coral": "CORAL (Sun and Saenko 2016): distances of the groups' features are added with a weight of",
}


def shortcut_sections(record: RunRecord, rows: list[Row]) -> list[Section]:
    """One section, or none for a run that did nothing against shortcuts.

    Args:
        record: of the run.
        rows: of its metrics.csv.
    """
    settings = record.settings
    blocks: list[Text | Table] = []
    if share := settings.get("random_backgrounds", 0):
        blocks.append(Text(f"Random backgrounds: {share:g} of the crops had objects put before another background."))
    if settings.get("robust", "none") != "none":
        blocks += [Text(_method(settings)), _table(record, rows), Text(CAUTION)]
    return [Section("Against shortcuts", blocks)] if blocks else []


CAUTION = (
    "No such method beat plain training on seven data sets when models were chosen without a look at other "
    "environments (Gulrajani and Lopez-Paz 2021): compare with a plain run, by an audit on images that neither has met."
)


def _method(settings: Mapping[str, Any]) -> str:
    name = settings["robust"]
    text = f"{METHODS[name]} {settings['robust_weight'] or WEIGHTS[name]:g}"
    if name in ("vrex", "irm"):
        text += f", after {settings['robust_start']:g} of the steps"
    return f"{text}. Crops were drawn evenly from the groups by {settings['groups']}."


def _table(record: RunRecord, rows: list[Row]) -> Table:
    """The groups with their images, and their mean IoU at the epoch whose weights were kept."""
    groups, row = record.facts["groups"], kept_row(rows, record.settings["keep"])
    cells = [
        [name, str(count), str(groups["validation"][name]), _score(row.get(f"{OF_GROUP}{name}", math.nan))]
        for name, count in groups["training"].items()
    ]
    caption = (
        f"Groups by {groups['column']}; the worst has {_score(row.get(WORST, math.nan))} in epoch {row['epoch']:.0f}"
    )
    return Table(["group", "training images", "validation images", "mean IoU on validation"], cells, caption)


def kept_row(rows: list[Row], keep: str) -> Row:
    """The first epoch with the best score of the worst group, or the last where that is kept or none was measured."""
    measured = [row for row in rows if not math.isnan(row.get(WORST, math.nan))]
    return rows[-1] if keep == "last" or not measured else max(measured, key=lambda row: row[WORST])


def _score(value: float) -> str:
    return "none" if math.isnan(value) else f"{value:.3f}"
