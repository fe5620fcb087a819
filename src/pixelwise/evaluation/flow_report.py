"""What an evaluation of flow looks like: key figures, methods side by side, and the pairs that went worst."""

from collections.abc import Sequence

from pixelwise.data.flow import FlowItem, read_pair
from pixelwise.drawing import bar_chart, flow_with_key, largest_motion, to_uint8, warped_difference
from pixelwise.evaluation.flow_scores import LEARNED, PROTOCOL, STILL, FlowScores
from pixelwise.inference.flow_estimator import FlowEstimator
from pixelwise.metrics.flow import FLOW_MEASURES
from pixelwise.reports import Chart, Figure, Figures, Gallery, Picture, Section, Table, Text

WORST_SHOWN = 4
"""Enough to see a pattern, few enough for a page that mails well."""

GROUP_NAMES = {"all": "all", "0-10": "below 10 px", "10-40": "10 to 40 px", "40+": "40 px and more"}
"""What is said of groups of pixels; "visible" and "occluded" say it themselves."""

MEASURE_NAMES = {
    "epe": "EPE (px)",
    "angular_error": "angle (degrees)",
    "over_1px": "over 1 px",
    "over_3px": "over 3 px",
    "over_5px": "over 5 px",
    "fl": "Fl",
}


def flow_sections(scores: FlowScores, predictor: FlowEstimator, items: Sequence[FlowItem]) -> list[Section]:
    """The sections of a report on these scores; the worst pairs are predicted again to be drawn."""
    by_name = {item.name: item for item in items}
    galleries = [
        _pair_row(predictor, by_name[image.name], error, float(image.sums[STILL][0, 1] / image.sums[STILL][0, 0]))
        for error, image in scores.worst(WORST_SHOWN)
    ]
    return [
        Section("Scores", [flow_figures(scores), _measures(scores), _groups(scores), _chart(scores), Text(PROTOCOL)]),
        Section("The worst pairs", galleries),
    ]


def flow_figures(scores: FlowScores) -> Figures:
    """The network's pooled error and outliers beside those of the other methods."""
    others = [method for method in scores.methods if method != LEARNED]

    def beside(name: str) -> str:
        return ", ".join(f"{scores.named(method)[name]:.2f} for {method}" for method in others)

    learned = scores.named()
    return Figures(
        [
            Figure("EPE, pooled", learned["epe_pooled"], f"pixels; {beside('epe_pooled')}"),
            Figure("Fl, pooled", learned["fl_pooled"], beside("fl_pooled")),
            Figure("pairs", len(scores.images), f"split: {scores.split}"),
        ]
    )


def _measures(scores: FlowScores) -> Table:
    rows: list[list[str | float]] = []
    for method in scores.methods:
        named = scores.named(method)
        for way, words in (("pooled", "pooled"), ("per_image", "per image")):
            rows.append([method, words, *(named[f"{measure}_{way}"] for measure in FLOW_MEASURES)])
    return Table(["method", "averaged", *(MEASURE_NAMES[measure] for measure in FLOW_MEASURES)], rows, "Methods")


def _groups(scores: FlowScores) -> Table:
    errors = {method: scores.by_group(method) for method in scores.methods}
    pixels = scores.sums(LEARNED)[:, :, 0].sum(0).tolist()
    rows: list[list[str | float]] = [
        [GROUP_NAMES.get(group, group), int(count), *(errors[method][group] for method in scores.methods)]
        for group, count in zip(errors[LEARNED], [each for each in pixels if each], strict=True)
    ]
    return Table(["pixels", "how many", *scores.methods], rows, "EPE (px, pooled) by true motion and visibility")


def _chart(scores: FlowScores) -> Chart:
    errors = {method: scores.named(method)["epe_pooled"] for method in scores.methods}
    return Chart(bar_chart(errors, "End-point error by method", "pixels"))


def _pair_row(predictor: FlowEstimator, item: FlowItem, error: float, still: float) -> Gallery:
    pair = read_pair(item)
    flow = predictor.predict(pair.image, pair.second).vectors
    # NaN is drawn hatched: where the truth is unknown there is nothing to show.
    truth = pair.flow.masked_fill(~pair.valid, float("nan"))
    largest = max(largest_motion(truth), 1.0)
    pictures = [
        Picture(to_uint8(pair.image), "first image", f"the first image of {item.name}"),
        Picture(flow_with_key(truth, largest), "true motion", f"the true motion of {item.name}"),
        Picture(flow_with_key(flow, largest), "predicted motion", f"the predicted motion of {item.name}"),
        Picture(
            warped_difference(pair.image, pair.second, flow),
            "left unexplained",
            f"difference of the first image of {item.name} and the second brought back by the predicted motion",
        ),
    ]
    return Gallery(pictures, f"{item.name}: EPE {error:.2f} px (no motion: {still:.2f} px)")
