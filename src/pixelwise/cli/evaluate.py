"""pixelwise evaluate: the scores of a run on a folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pixelwise.cli.screen import note, progress_bar, wrote
from pixelwise.evaluation import FlowScores, Scores
from pixelwise.evaluation import evaluate as evaluate_run
from pixelwise.evaluation.detection import DetectionEvaluation
from pixelwise.inference.run_folder import read_record


def evaluate(
    run: Path,
    data: Path,
    /,
    *,
    out: Path = Path("evaluation"),
    split: str | None = None,
    splits: Path | None = None,
    attributes: Path | None = None,
) -> None:
    """Score a trained model on data of the kind it learned from, and write a report to look at.

    Classes with a border between objects also get the AP of the separated objects.

    Example: pixelwise evaluate run my_images --out evaluation

    Parameters
    ----------
    run
        A run folder made by `pixelwise train`.
    data
        A folder of images with label maps, boxes or flow, as the run was trained on.
    out
        Folder for report.html, scores.json and images.csv; detections are also kept as detections.json, for COCO.
    split
        Which part of the data, or all; default: test, else val, else all.
    splits
        CSV with the columns file,split.
    attributes
        CSV of attributes, keyed by file name in its first column.
    """
    with progress_bar("images") as progress:
        scores = evaluate_run(run, data, split, out, splits, attributes, progress)
    NOTES[read_record(run).task](scores)
    wrote(out / "report.html", f"pixelwise predict {run} IMAGE... --out predictions")


def _note_segmentation(scores: Scores) -> None:
    note(f"{len(scores.images)} images of split {scores.split}")
    guess = f"always {scores.classes[scores.majority]}"
    note(f"mean IoU        {scores.mean_iou:.4f}   ({guess}: {scores.majority_mean_iou:.4f})")
    note(f"pixel accuracy  {scores.pixel_accuracy:.4f}   ({guess}: {scores.majority_pixel_accuracy:.4f})")
    boundary = scores.boundary_f1(2)
    width = max(map(len, scores.classes))
    for name, iou in scores.iou.items():
        note(f"  {name:<{width}}  IoU {iou:.4f}  boundary F1 at 2 px {boundary[name]:.4f}")
    _note_objects(scores)


def _note_detection(evaluation: DetectionEvaluation) -> None:
    boxes, masks, floor = evaluation.boxes, evaluation.masks, evaluation.baseline
    note(f"{boxes.table.images} images, {sum(boxes.truths_by_class.values())} true objects")
    note(evaluation.summary())
    width = max(map(len, boxes.classes))
    for name, ap50 in boxes.ap_by_class_at(0.5).items():
        beside = "" if masks is None else f"  masks {masks.ap_by_class_at(0.5)[name]:.4f}"
        grid = "" if floor is None else f"   (grid: {floor.ap_by_class_at(0.5)[name]:.4f})"
        note(f"  {name:<{width}}  AP50 boxes {ap50:.4f}{beside}{grid}")


def _note_objects(scores: Scores) -> None:
    """AP of the separated objects, where there are any, beside that of connected components."""
    objects, floor = scores.objects, scores.components
    if objects is None or floor is None:
        return
    note(f"objects: AP     {objects.average_precision:.4f}   (connected components: {floor.average_precision:.4f})")
    for threshold, precision in objects.precision.items():
        note(
            f"  IoU over {threshold:.2f}  AP {precision:.4f}   (connected components: {floor.precision[threshold]:.4f})"
        )


def _note_flow(scores: FlowScores) -> None:
    note(f"{len(scores.images)} pairs of split {scores.split}")
    for method in scores.methods:
        named = scores.named(method)
        groups = ", ".join(f"{group} {error:.2f}" for group, error in list(scores.by_group(method).items())[1:])
        note(
            f"{method:<10} EPE {named['epe_pooled']:.3f} px pooled, {named['epe_per_image']:.3f} per image; "
            f"Fl {named['fl_pooled']:.1%} pooled; EPE by pixels: {groups}"
        )


NOTES: dict[str, Callable[[Any], None]] = {
    "segmentation": _note_segmentation,
    "detection": _note_detection,
    "flow": _note_flow,
}
"""For each task the function that says its scores."""
