"""The report of a flow run: how training went, and how the network does on its validation pairs."""

from pathlib import Path

from pixelwise.drawing import line_chart
from pixelwise.evaluation.flow import score_pairs
from pixelwise.evaluation.flow_report import flow_figures, flow_sections
from pixelwise.evaluation.flow_scores import FlowScores
from pixelwise.inference.flow_estimator import FlowEstimator
from pixelwise.reports import Chart, Command, Figure, Figures, Section, Table, Text, write_page
from pixelwise.training.flow.pairs import WholePairs
from pixelwise.training.metrics_file import Row, read_rows


def write_flow_report(run: Path, predictor: FlowEstimator, validation: WholePairs) -> FlowScores | None:
    """Writes report.html into the run folder; gives the scores on validation pairs, None where there are none."""
    record = predictor.record
    rows = read_rows(run / "metrics.csv")
    settings = Table(["setting", "value"], [[name, str(value)] for name, value in record.settings.items()], "Settings")
    training = Section("Training", [*_curves(rows), settings])
    scores = None
    if len(validation):
        scores = score_pairs(predictor, validation.items, "validation")
        chosen = "The weights were chosen on these pairs, so the scores flatter a little. "
        note = Text(
            f"{chosen if record.settings.get('keep') == 'best' else ''}Judge the network on pairs it has not met."
        )
        short = Section("In short", [flow_figures(scores), note])
        sections = [short, training, *flow_sections(scores, predictor, validation.items)]
    else:
        words = Text("No pair was held out for validation.")
        sections = [Section("In short", [Figures([Figure("epochs", len(rows))]), words]), training]
    following = [
        Command(f"pixelwise evaluate {run} DATA --out REPORT", "scores on a test split"),
        Command(f"pixelwise predict {run} FIRST SECOND --out DIR", "the motion between two images"),
    ]
    sections.append(Section("What next", following))
    write_page(run / "report.html", f"{record.model} on {record.data['name']}", "training run", sections)
    return scores


def _curves(rows: list[Row]) -> list[Chart]:
    def series(name: str) -> list[tuple[float, float]]:
        return [(row["epoch"], row[name]) for row in rows if name in row]

    charts = [Chart(line_chart({"training": series("loss")}, "epoch", "loss", "Multi-scale loss"))]
    errors = {"learned": series("val_epe"), "no motion": series("val_epe_of_no_motion")}
    if errors["learned"]:
        charts.append(Chart(line_chart(errors, "epoch", "pixels", "End-point error on validation pairs")))
    return charts
