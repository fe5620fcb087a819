"""Named detections become scores and a page, with and without masks, objects and errors."""

from pathlib import Path

import numpy as np
import torch

from pixelwise.data.detection.objects import Objects, objects_of
from pixelwise.evaluation.detection import Judged, detection_sections, score_detections
from pixelwise.ops.paste import CroppedMasks
from pixelwise.ops.run_lengths import encode_mask
from pixelwise.reports import write_page
from pixelwise.results import Detections

CLASSES = ("background", "cow", "camel")


def objects(boxes: list[list[float]], labels: list[int], masks: bool = False) -> Objects:
    corners = torch.tensor(boxes).reshape(-1, 4)
    rles = []
    for x0, y0, x1, y1 in corners.int().tolist():
        inside = np.zeros((60, 80), np.bool_)
        inside[y0:y1, x0:x1] = True
        rles.append(encode_mask(inside))
    return objects_of(corners, torch.tensor(labels, dtype=torch.int64), (60, 80), tuple(rles) if masks else None)


def found(boxes: list[list[float]], labels: list[int], scores: list[float]) -> Detections:
    corners = torch.tensor(boxes).reshape(-1, 4)
    return Detections(corners, torch.tensor(scores), torch.tensor(labels, dtype=torch.int64), CLASSES, None, (60, 80))


def two_images() -> list[Judged]:
    box = [[10.0, 10, 40, 40]]
    good = ("good.png", objects(box, [1]), found(box, [1], [0.9]))
    bad = ("bad.png", objects([*box, [50.0, 5, 75, 25]], [1, 2]), found([[0.0, 45, 20, 58], *box], [2, 2], [0.8, 0.7]))
    return [good, bad]


def grey(name: str) -> np.ndarray:
    return np.full((60, 80, 3), 128, np.uint8)


def test_a_page_shows_scores_errors_and_the_worst_image(tmp_path: Path) -> None:
    evaluation = score_detections(two_images(), CLASSES)
    asked = []

    def picture(name: str) -> np.ndarray:
        asked.append(name)
        return grey(name)

    sections = detection_sections(evaluation, picture)
    assert asked == ["bad.png"], "an image without errors is not drawn"
    write_page(tmp_path / "report.html", "Detections", "two images", sections)
    page = (tmp_path / "report.html").read_text()
    for words in ("COCO protocol on boxes, 2 images, 3 detections", "bad.png: 0 right, 2 wrong, 2 missed", "AP medium"):
        assert words in page
    assert "Scores of masks" not in page


def test_the_numbers_are_plain_values() -> None:
    values = score_detections(two_images(), CLASSES).to_json()
    assert list(values) == ["boxes"]
    boxes = values["boxes"]
    assert boxes["errors"] == {"class": 1, "location": 0, "both": 0, "duplicate": 0, "background": 1, "missed": 1}
    assert boxes["confusion"] == [[0, 0, 1], [0, 1, 1], [1, 0, 0]]
    assert boxes["ap_by_size"]["large"] is None
    assert boxes["truths_by_class"] == {"cow": 2, "camel": 1}


def test_masks_are_scored_where_both_sides_have_them() -> None:
    box = [[10.0, 10, 40, 40]]
    truth = objects(box, [1], masks=True)
    plain = found(box, [1], [0.9])
    assert score_detections([("a", truth, plain)], CLASSES).masks is None

    masks = CroppedMasks([torch.ones(30, 30, dtype=torch.bool)], [(10, 10)], (60, 80))
    masked = Detections(plain.boxes, plain.scores, plain.labels, CLASSES, masks, (60, 80))
    scores = score_detections([("a", truth, masked)], CLASSES).masks
    assert scores is not None
    assert abs(scores.ap - 1) < 1e-12


def test_images_without_objects_and_detections_make_a_page(tmp_path: Path) -> None:
    evaluation = score_detections([("empty.png", objects([], []), found([], [], []))], CLASSES)
    write_page(tmp_path / "report.html", "Detections", "", detection_sections(evaluation, grey))
    assert "No image has an error" in (tmp_path / "report.html").read_text()
