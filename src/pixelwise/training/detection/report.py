"""The report of a detection run: how training went, and how the model does on its validation images."""

from collections.abc import Sequence
from pathlib import Path

from pixelwise.data.detection.items import DetectionItem
from pixelwise.drawing import line_chart
from pixelwise.evaluation.detection import DetectionEvaluation
from pixelwise.evaluation.detector import evaluation_sections, judge_images, key_figures
from pixelwise.inference import Detector
from pixelwise.reports import Chart, Command, Figure, Figures, Section, Table, Text, write_page
from pixelwise.training.metrics_file import Row, read_rows
from pixelwise.training.segmentation.report import series, settings_table


def write_detection_report(
    run: Path, predictor: Detector, validation: Sequence[DetectionItem]
) -> DetectionEvaluation | None:
    """Writes report.html into the run folder; gives the scores on validation images, None where there are none."""
    record = predictor.record
    rows = read_rows(run / "metrics.csv")
    training = Section("Training", [*_curves(rows), settings_table(record.settings), _resolved(predictor)])
    evaluation = None
    if validation:
        evaluation = judge_images(predictor, validation)
        chosen = "The weights were chosen on these images, so the scores flatter a little. "
        note = f"{chosen if record.settings.get('keep') == 'best' else ''}Judge the model on images it has not met."
        sections = [
            Section("In short", [key_figures(evaluation), Text(note)]),
            training,
            *evaluation_sections(evaluation, validation),
        ]
    else:
        short = Figures([Figure("epochs", len(rows))])
        sections = [Section("In short", [short, Text("No image was held out for validation.")]), training]
    following = [
        Command(f"pixelwise evaluate {run} DATA --out REPORT", "scores on a test split"),
        Command(f"pixelwise predict {run} IMAGE... --out DIR", "objects in images, as COCO JSON, GeoJSON and pictures"),
    ]
    sections.append(Section("What next", following))
    write_page(run / "report.html", f"{record.model} on {record.data['name']}", "training run", sections)
    return evaluation


def _curves(rows: list[Row]) -> list[Chart]:
    losses = {"training": series(rows, "loss"), "validation": series(rows, "val_loss")}
    charts = [Chart(line_chart({name: line for name, line in losses.items() if line}, "epoch", "loss", "Loss"))]
    names = {"AP50 of boxes": "val_ap50", "AP of boxes": "val_ap", "AP50 of masks": "val_mask_ap50"}
    names |= {"AP of masks": "val_mask_ap"}
    scores = {label: series(rows, name) for label, name in names.items() if series(rows, name)}
    if scores:
        charts.append(Chart(line_chart(scores, "epoch", "AP", "AP on validation images", (0, 1))))
    return charts


def _resolved(predictor: Detector) -> Table:
    """What the network was built with, the sizes that followed from the data included."""
    settings = {"resize": str(predictor.model.preparation.resize)} | {
        name: str(value) for name, value in predictor.record.model_settings.items() if name != "resize"
    }
    return Table(["setting", "value"], [[name, value] for name, value in settings.items()], "Settings of the network")
