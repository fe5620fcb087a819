"""The predictor of a run folder, whatever its task."""

from collections.abc import Callable
from pathlib import Path

from pixelwise.inference.detector import Detector, open_detector
from pixelwise.inference.flow_estimator import FlowEstimator, open_flow_estimator
from pixelwise.inference.run_folder import read_record
from pixelwise.inference.run_record import RunRecord
from pixelwise.inference.segmenter import Segmenter, open_segmenter
from pixelwise.inference.use import Use

Predictor = Segmenter | Detector | FlowEstimator
"""A trained model, ready to be asked: `predict(image)` gives what its task gives."""

PREDICTORS: dict[str, Callable[[Path, RunRecord, Use], Predictor]] = {
    "segmentation": open_segmenter,
    "detection": open_detector,
    "flow": open_flow_estimator,
}


def load(
    run: str | Path,
    memory: str | int = "1GB",
    tile: int | None = None,
    fold: bool = False,
    precision: str = "32",
) -> Predictor:
    """The predictor of a run folder: a `Segmenter`, a `Detector` or a `FlowEstimator`, by the run's task.

    Weights are read as safetensors, the rest as JSON: nothing in the folder is executed.

    Args:
        run: the folder.
        memory: budget for the activations of one tile of a segmenter; a detector has none.
        tile: rows and columns per tile. A segmenter's result is the same with any; a detector sees each tile enlarged
            by its resize rule, so small objects are found that the whole image, shrunk, would hide. Without it a
            detector sees the image whole. Refused for flow, whose motions reach across tiles.
        fold: fold batch norms into the convolutions before them: takes seconds once, and large images go faster.
        precision: "32", or "bf16", which is faster where the processor has it and rounds more.

    Raises:
        InputError: no finished run there, or one of another format.
    """
    folder = Path(run)
    record = read_record(folder)
    return PREDICTORS[record.task](folder, record, Use(memory, tile, fold, precision))
