"""pixelwise predict: a trained model on images of any size."""

import time
from pathlib import Path

from pixelwise.cli.screen import note, peak_memory, progress_bar, wrote
from pixelwise.inference import load
from pixelwise.inference.faster import Precision
from pixelwise.inference.prediction_files import inputs_of, predict_files
from pixelwise.inference.run_folder import read_record


def predict(
    run: Path,
    image: Path,
    /,
    *more: Path,
    out: Path,
    probabilities: bool = False,
    kitti: bool = False,
    score_threshold: float | None = None,
    overlap: float | None = None,
    most: int | None = None,
    class_agnostic: bool | None = None,
    memory: str = "1GB",
    tile: int | None = None,
    fold: bool = False,
    precision: Precision = "32",
) -> int:
    """Predict a class for every pixel, or the objects, of a file of any size, a folder, or a .txt list of paths.

    A run of flow predicts the motion from each image to the next: two images, frames in their order, or a folder of
    pairs.

    Example: pixelwise predict run scan.tif --out predictions

    Parameters
    ----------
    run
        A run folder made by `pixelwise train`.
    image
        An image, a folder or a .txt list.
    more
        Further ones.
    out
        Folder for NAME.png (label map) and NAME.overlay.jpg; what is there from the same model is kept, unless its
        image has changed since. Runs with a border between objects also write NAME.instances.tif (the number of each
        pixel's object) and NAME.instances.jpg (each object outlined). Runs of detection write NAME.objects.json (COCO's
        results format), NAME.geojson (outlines) and NAME.overlay.jpg, and detections.json for all images. Runs of flow
        write NAME.flo, NAME.flow.png (the motion in colours with their key), NAME.warped.png (what it leaves
        unexplained) and NAME.confidence.png (where the motion back agrees).
    probabilities
        Also write NAME.probabilities.tif, one plane per class.
    kitti
        Also write NAME.kitti.png, the motion as a 16-bit PNG; for runs of flow.
    score_threshold
        Least score of an object (0.5); for runs of detection, like the three that follow.
    overlap
        Largest intersection over union of two objects of one class (0.5).
    most
        Objects of an image, or of a tile (100).
    class_agnostic
        Let objects of different classes suppress each other, too.
    memory
        Budget for one tile's activations; images that fit are predicted whole. Objects need the classes' probabilities
        of the whole image beside it.
    tile
        Rows and columns per tile. A class for every pixel comes out the same with any; a detector sees small objects
        better in tiles, and puts together what lies across them. Without it detectors see the image whole.
    fold
        Fold batch norms into the convolutions before them: takes seconds once, and large images go faster. Scores
        change by rounding.
    precision
        32 (default), or bf16: faster where the processor has it; close decisions may change.
    """
    found = inputs_of(read_record(run).task, [image, *more], out)
    given = {
        "probabilities": probabilities or None,
        "kitti": kitti or None,
        "score_threshold": score_threshold,
        "overlap": overlap,
        "most": most,
        "class_agnostic": class_agnostic,
    }
    options = {name: value for name, value in given.items() if value is not None}
    predictor = load(run, memory, tile, fold, precision)
    failed = 0
    started = time.perf_counter()
    with progress_bar("tiles") as bar:
        for prediction in predict_files(predictor, found, out, lambda _: bar, **options):
            if prediction.error is not None:
                failed += 1
                note(f"failed {prediction.source}\n{prediction.error}")
            elif prediction.kept:
                note(f"kept   {prediction.files[0]} (predicted before)")
            else:
                note(f"{prediction.source} -> {prediction.files[0]}: {prediction.told}")
    note(f"{len(found)} images, {failed} failed, {time.perf_counter() - started:.1f} s, peak memory {peak_memory()}")
    wrote(out, f"pixelwise evaluate {run} DATA   (scores, on images with their truth)")
    return 1 if failed else 0
