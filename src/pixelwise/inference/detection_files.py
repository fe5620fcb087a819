"""The files that a detector leaves for one image: COCO's results, GeoJSON outlines, and a picture."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from pixelwise.data.detection.coco_results import detection_records
from pixelwise.data.lazy_images import open_image
from pixelwise.drawing import class_colours, write_picture
from pixelwise.drawing.objects import draw_objects
from pixelwise.errors import InputError
from pixelwise.files import write_text
from pixelwise.inference.detector import Decoding, Detector
from pixelwise.inference.geojson import geojson_of
from pixelwise.inference.inputs import Input
from pixelwise.inference.overview import overview
from pixelwise.inference.result_files import Outcome, Progress, ResultFiles
from pixelwise.results import Detections

SHOWN = 0.5
"""Least score of an object in a result file, where nobody says: more likely than not."""


OBJECTS = ".objects.json"
"""Ending that no file for all images has, whatever an image is called."""


def detection_files(
    predictor: Detector,
    score_threshold: float = SHOWN,
    overlap: float = 0.5,
    most: int = 100,
    class_agnostic: bool = False,
) -> ResultFiles:
    """NAME.objects.json (COCO's results format), NAME.geojson (outlines) and NAME.overlay.jpg.

    For all images together there is detections.json.

    Args:
        predictor: the detector.
        score_threshold: least score of an object; above all, there may be none.
        overlap: largest intersection over union of two objects of one class.
        most: objects of an image, or of a tile where images are cut.
        class_agnostic: whether objects of different classes suppress each other, too.

    Raises:
        InputError: a threshold or an overlap outside 0..1, or no object allowed.
    """
    for name, value in (("score threshold", score_threshold), ("overlap", overlap)):
        if not 0 <= value <= 1:
            raise InputError(f"a {name} from 0 to 1", f"{value}", "0.5 is usual")
    if most < 1:
        raise InputError("at least 1 object in an image", f"{most}", "--most 100 is usual")
    decoding = Decoding(score_threshold, overlap, most, class_agnostic)
    noted = {"classes": list(predictor.classes), "tile": predictor.tile, **decoding._asdict()}
    return ResultFiles(
        (OBJECTS, ".geojson", ".overlay.jpg"), partial(_write_one, predictor, decoding), noted, _write_all
    )


def _write_one(
    predictor: Detector, decoding: Decoding, source: Input, files: Mapping[str, Path], progress: Progress | None
) -> Outcome:
    found = predictor.predict(source.path, decoding, progress)
    records = list(detection_records(source.name, source.name, found, predictor.facts.category_ids))
    write_text(files[OBJECTS], json.dumps(records, separators=(",", ":"), allow_nan=False) + "\n")
    write_text(files[".geojson"], json.dumps(geojson_of(found), separators=(",", ":"), allow_nan=False) + "\n")
    picture, step = overview(open_image(source.path))
    colours = class_colours(len(predictor.classes))[found.labels.cpu().numpy()]
    write_picture(
        files[".overlay.jpg"], draw_objects(picture, found.boxes, names_of(found), colours, found.masks, step)
    )
    counts = Counter(found.classes[label] for label in found.labels.tolist())
    told = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    return Outcome(f"{len(found)} objects{': ' + told if told else ''}", objects=len(found))


def names_of(found: Detections) -> list[str]:
    """What to write beside each object: its class and its score."""
    pairs = zip(found.labels.tolist(), found.scores.tolist(), strict=True)
    return [f"{found.classes[label]} {score:.2f}" for label, score in pairs]


def _write_all(out: Path, inputs: Sequence[Input]) -> tuple[Path, ...]:
    """The results of all images in one file."""
    records = [json.loads((out / f"{each.name}{OBJECTS}").read_text(encoding="utf-8")) for each in inputs]
    joined = [record for one in records for record in one]
    write_text(out / "detections.json", json.dumps(joined, separators=(",", ":")) + "\n")
    return (out / "detections.json",)
