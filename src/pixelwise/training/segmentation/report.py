"""The report of a run: how training went, and how the model does on its validation images."""

import math
from pathlib import Path

from pixelwise.drawing import line_chart
from pixelwise.evaluation.report import key_figures, score_sections
from pixelwise.evaluation.scores import Scores
from pixelwise.evaluation.segmentation import score_images
from pixelwise.inference import Segmenter
from pixelwise.reports import Chart, Command, Figure, Figures, Section, Table, Text, write_page
from pixelwise.training.metrics_file import Row, read_rows
from pixelwise.training.segmentation.crops import WholeImages
from pixelwise.training.segmentation.selection import selection_rule
from pixelwise.training.segmentation.shortcut_report import shortcut_sections


def write_training_report(run: Path, predictor: Segmenter, validation: WholeImages) -> Scores | None:
    """Writes report.html into the run folder; gives the scores on validation images, None where there are none."""
    record = predictor.record
    rows = read_rows(run / "metrics.csv")
    scores = None
    rule = Text(f"Weights kept: {_rule(record.settings, len(validation))}.")
    sections = [Section("Training", [*_curves(rows), rule, settings_table(record.settings)])]
    sections += shortcut_sections(record, rows)
    if len(validation):
        scores = score_images(predictor, validation.items, validation.classes, "validation")
        chosen = "The weights were chosen on these images, so the scores flatter a little. "
        note = Text(
            f"{chosen if record.settings.get('keep') == 'best' else ''}Judge the model on images it has not met."
        )
        sections = [
            Section("In short", [key_figures(scores), note]),
            *sections,
            *score_sections(scores, predictor, validation.items, validation.classes),
        ]
    else:
        sections.insert(
            0,
            Section(
                "In short", [Figures([Figure("epochs", len(rows))]), Text("No image was held out for validation.")]
            ),
        )
    sections.append(
        Section(
            "What next",
            [
                Command(f"pixelwise evaluate {run} DATA --out REPORT", "scores on a test split"),
                Command(f"pixelwise predict {run} IMAGE... --out DIR", "label maps of images of any size"),
            ],
        )
    )
    write_page(run / "report.html", f"{record.model} on {record.data['name']}", "training run", sections)
    return scores


def _rule(settings: dict[str, object], validation: int) -> str:
    return selection_rule(str(settings.get("keep", "best")), str(settings.get("robust", "none")), validation)


def series(rows: list[Row], name: str) -> list[tuple[float, float]]:
    """The points (epoch, value) of one column, where it was measured."""
    return [(row["epoch"], row[name]) for row in rows if not math.isnan(row.get(name, math.nan))]


def _curves(rows: list[Row]) -> list[Chart]:
    losses = {"training": series(rows, "loss"), "validation": series(rows, "val_loss")}
    charts = [Chart(line_chart({name: line for name, line in losses.items() if line}, "epoch", "loss", "Loss"))]
    if line := series(rows, "val_mean_iou"):
        charts.append(
            Chart(line_chart({"mean IoU": line}, "epoch", "mean IoU", "Mean IoU on validation images", (0, 1)))
        )
    return charts


def settings_table(settings: dict[str, object]) -> Table:
    """The settings of a run, name by name."""
    return Table(["setting", "value"], [[name, str(value)] for name, value in settings.items()], "Settings of this run")
