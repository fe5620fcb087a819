"""The file says what the standard says."""

import json
from pathlib import Path

import numpy as np

from pixelwise.data.formats.coco import annotation, write_coco
from pixelwise.ops.run_lengths import decode_mask, encode_mask


def test_the_file_holds_boxes_as_corner_and_size(tmp_path: Path) -> None:
    mask = np.zeros((6, 8), dtype=np.bool_)
    mask[1:3, 2:7] = True
    one = annotation(1, 0, 2, (2.0, 1.0, 7.0, 3.0), encode_mask(mask), 10)
    image = {"id": 0, "file_name": "000000.png", "height": 6, "width": 8}
    write_coco(tmp_path / "a.json", [image], [one], ("cow", "camel"))
    content = json.loads((tmp_path / "a.json").read_text())
    assert content["categories"] == [{"id": 1, "name": "cow"}, {"id": 2, "name": "camel"}]
    assert content["images"] == [image]
    (found,) = content["annotations"]
    assert (found["bbox"], found["area"], found["iscrowd"], found["category_id"]) == ([2, 1, 5, 2], 10, 0, 2)
    np.testing.assert_array_equal(decode_mask(found["segmentation"]), mask)
