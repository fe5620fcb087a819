"""Results files say what COCO's evaluators ask for, with the data set's own numbers."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pixelwise.data.detection.coco_results import write_detections_coco
from pixelwise.data.detection.folder import open_detection
from pixelwise.errors import InputError
from pixelwise.ops.paste import CroppedMasks
from pixelwise.ops.run_lengths import decode_mask
from references.detection_folders import put_coco


def found(**parts: object) -> SimpleNamespace:
    one = {
        "boxes": torch.tensor([[1.0, 2.0, 4.0, 6.5]]),
        "scores": torch.tensor([0.75]),
        "labels": torch.tensor([2]),
        "masks": None,
    }
    return SimpleNamespace(**(one | parts))


def test_boxes_scores_and_the_files_own_numbers_are_written(tmp_path: Path) -> None:
    folder = open_detection(put_coco(tmp_path))
    write_detections_coco(tmp_path / "out.json", folder, {"b.png": found()})
    assert json.loads((tmp_path / "out.json").read_text()) == [
        {"image_id": 11, "category_id": 7, "bbox": [1, 2, 3, 4.5], "score": 0.75}
    ]


def test_windows_and_plain_run_lengths_become_compressed_masks(tmp_path: Path) -> None:
    folder = open_detection(put_coco(tmp_path))
    windows = CroppedMasks([torch.ones(3, 2, dtype=torch.bool)], [(4, 5)], (40, 60))
    plain = ({"size": [40, 60], "counts": [204, 3, 37, 3, 2153]},)
    write_detections_coco(tmp_path / "out.json", folder, {"a.png": found(masks=windows), "b.png": found(masks=plain)})
    first, second = json.loads((tmp_path / "out.json").read_text())
    assert first["segmentation"] == second["segmentation"] and isinstance(first["segmentation"]["counts"], str)
    assert np.argwhere(decode_mask(first["segmentation"])).tolist() == [[y, x] for y in (4, 5, 6) for x in (5, 6)]


WRONG = {
    "a name of no image": ({"g.png": found()}, "'g.png'"),
    "background": ({"a.png": found(labels=torch.tensor([0]))}, r"labels in 1\.\.2"),
    "nan": ({"a.png": found(scores=torch.tensor([float("nan")]))}, "finite boxes and scores"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_no_evaluator_could_read_is_refused_and_no_file_is_left(case: str, tmp_path: Path) -> None:
    detections, words = WRONG[case]
    folder = open_detection(put_coco(tmp_path))
    with pytest.raises(InputError, match=words):
        write_detections_coco(tmp_path / "out.json", folder, detections)
    assert not (tmp_path / "out.json").exists()
