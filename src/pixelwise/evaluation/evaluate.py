"""Evaluating a run on a folder, whatever its task: scores, and a report to look at."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pixelwise.data.detection.folder import DetectionFolder
from pixelwise.data.flow import FlowFolder
from pixelwise.data.folder import SegmentationFolder
from pixelwise.errors import InputError
from pixelwise.evaluation.asked import Asked, Progress
from pixelwise.evaluation.detection import DetectionEvaluation
from pixelwise.evaluation.detector import evaluate_detector
from pixelwise.evaluation.flow import evaluate_flow
from pixelwise.evaluation.flow_scores import FlowScores
from pixelwise.evaluation.scores import Scores
from pixelwise.evaluation.segmentation import evaluate_segmenter
from pixelwise.inference import Predictor, load

AnyScores = Scores | DetectionEvaluation | FlowScores

EVALUATIONS: dict[str, Callable[[Any, Any, Asked], AnyScores]] = {
    "segmentation": evaluate_segmenter,
    "detection": evaluate_detector,
    "flow": evaluate_flow,
}
"""For each task the function of a predictor, a folder (open or not) and what is asked."""


def evaluate(
    run: str | Path | Predictor,
    data: str | Path | SegmentationFolder | DetectionFolder | FlowFolder,
    split: str | None = None,
    out: str | Path | None = None,
    splits: str | Path | None = None,
    attributes: str | Path | None = None,
    progress: Progress | None = None,
) -> AnyScores:
    """The scores of a trained model on a folder of the kind it was trained on.

    Args:
        run: a run folder, or a predictor.
        data: a folder, or one that is open already.
        split: which part; None takes test, or val where there is no test, or everything where there is neither.
        out: a folder for report.html, scores.json and images.csv; None writes nothing.
        splits: a file that says which image belongs to which split.
        attributes: a CSV of attributes by file name.
        progress: called with (images done, images in all).

    Raises:
        InputError: no such run, folder or split, files that cannot be read, or a package missing that the scores need.
    """
    if out is not None:
        _check_report_folder(Path(out))
    predictor = run if isinstance(run, Predictor) else load(run)
    opened = Path(data) if isinstance(data, str) else data
    asked = Asked(split, _path(out), _path(splits), _path(attributes), progress)
    return EVALUATIONS[predictor.record.task](predictor, opened, asked)


def _path(given: str | Path | None) -> Path | None:
    return None if given is None else Path(given)


def _check_report_folder(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise InputError("a folder for the report", f"the file {out}", "choose another --out")
    if (out / "run.json").exists():
        raise InputError(
            "a folder of its own for the report",
            f"the run folder {out}, which has a report already",
            "choose another --out",
        )
