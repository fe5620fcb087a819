"""A trained detector asked for objects, and the files it leaves."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pixelwise.data.detection.polygon_fill import fill_polygons
from pixelwise.data.images import image_size
from pixelwise.data.pasture import Knobs, render
from pixelwise.errors import InputError
from pixelwise.inference import Decoding, Detector, load
from pixelwise.inference.geojson import geojson_of
from pixelwise.inference.inputs import find_inputs
from pixelwise.inference.object_facts import ObjectFacts
from pixelwise.inference.prediction_files import predict_files
from pixelwise.ops.run_lengths import decode_mask, rle_area
from pixelwise.results import Detections

EVERYTHING = Decoding(score_threshold=0.0, most=20)
"""So that an unfinished network says something."""


@pytest.fixture(scope="module")
def detector(detection_run: Path) -> Detector:
    found = load(detection_run)
    assert isinstance(found, Detector)
    return found


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    return render(Knobs(size=(72, 90)), seed=5).image


def assert_same(one: Detections, other: Detections, places: float = 1e-4) -> None:
    assert torch.equal(one.labels, other.labels)
    torch.testing.assert_close(one.boxes, other.boxes, atol=places, rtol=0)
    torch.testing.assert_close(one.scores, other.scores, atol=1e-5, rtol=0)


def test_path_array_and_tensor_give_the_same(detector: Detector, scene: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(scene).save(tmp_path / "scene.png")
    by_path = detector.predict(tmp_path / "scene.png", EVERYTHING)
    assert 0 < len(by_path) <= 20
    assert by_path.size == (72, 90)
    assert by_path.classes == ("background", "cow", "camel", "sheep", "horse")
    assert by_path.masks is not None
    assert (by_path.scores[:-1] >= by_path.scores[1:]).all()
    assert_same(by_path, detector.predict(scene, EVERYTHING))
    assert_same(by_path, detector.predict(torch.from_numpy(scene).movedim(-1, 0).float() / 255, EVERYTHING))


def test_a_threshold_that_leaves_nothing_leaves_an_empty_record(detector: Detector, scene: np.ndarray) -> None:
    found = detector.predict(scene, Decoding(score_threshold=1.0))
    assert len(found) == 0
    assert found.boxes.shape == (0, 4)
    assert geojson_of(found) == {"type": "FeatureCollection", "features": []}


def test_folding_and_bfloat16_change_little(detection_run: Path, detector: Detector, scene: np.ndarray) -> None:
    expected = detector.predict(scene, EVERYTHING)
    assert_same(expected, load(detection_run, fold=True).predict(scene, EVERYTHING), places=1e-2)
    rounded = load(detection_run, precision="bf16").predict(scene, EVERYTHING)
    assert len(rounded) > 0
    torch.testing.assert_close(rounded.scores[0], expected.scores[0], atol=0.1, rtol=0)
    with pytest.raises(InputError, match="wanted tiles of at least 32 pixels, got 8"):
        load(detection_run, tile=8)
    with pytest.raises(InputError, match="wanted a precision of 32 or bf16, got 'half'"):
        load(detection_run, precision="half")


def test_tiles_tell_their_progress_and_give_boxes_of_the_whole_image(
    detection_run: Path, detector: Detector, scene: np.ndarray
) -> None:
    seen: list[tuple[int, int]] = []
    found = load(detection_run, tile=48).predict(scene, EVERYTHING, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (6, 6)
    assert found.size == (72, 90)
    assert found.boxes[:, 2].max() > 60
    assert found.masks is not None
    assert found.masks.size == (72, 90)
    assert_same(load(detection_run, tile=128).predict(scene, EVERYTHING), detector.predict(scene, EVERYTHING))


@pytest.fixture(scope="module")
def results(detector: Detector, pasture_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("results") / "out"
    inputs = find_inputs(sorted((pasture_folder / "images").glob("*.png"))[:3])
    done = list(predict_files(detector, inputs, out, score_threshold=0.05, most=5))
    assert all(each.error is None for each in done)
    assert all(each.told.startswith(f"{each.objects} objects") for each in done)
    return out


def test_files_hold_the_detections(detector: Detector, pasture_folder: Path, results: Path) -> None:
    expected = detector.predict(pasture_folder / "images" / "000001.png", Decoding(0.05, most=5))
    records = json.loads((results / "000001.objects.json").read_text())
    assert [record["image_id"] for record in records] == ["000001"] * len(expected)
    assert [record["category_id"] for record in records] == expected.labels.tolist()
    assert [record["score"] for record in records] == pytest.approx(expected.scores.tolist())
    x0, y0, x1, y1 = expected.boxes[0].tolist()
    assert records[0]["bbox"] == pytest.approx([x0, y0, x1 - x0, y1 - y0])
    assert expected.masks is not None
    assert np.array_equal(decode_mask(records[0]["segmentation"]), expected.masks.full()[0].numpy())
    assert image_size(results / "000001.overlay.jpg") == (64, 64)
    every = json.loads((results / "detections.json").read_text())
    assert len(every) == sum(len(json.loads(path.read_text())) for path in results.glob("*.objects.json"))
    assert {record["image_id"] for record in every} <= {"000000", "000001", "000002"}


def test_outlines_in_geojson_have_the_masks_pixels(results: Path) -> None:
    for path in sorted(results.glob("*.geojson")):
        collection = json.loads(path.read_text())
        records = json.loads(path.with_name(f"{path.stem}.objects.json").read_text())
        for feature, record in zip(collection["features"], records, strict=True):
            if not rle_area(record["segmentation"]):
                continue
            shape = feature["geometry"]
            parts = shape["coordinates"] if shape["type"] == "MultiPolygon" else [shape["coordinates"]]
            rings = [[c for point in ring for c in point] for rings in parts for ring in rings]
            drawn = np.zeros((64, 64), np.bool_)
            for ring in rings:
                drawn ^= decode_mask(fill_polygons([ring], (64, 64), "a ring"))
            assert np.array_equal(drawn, decode_mask(record["segmentation"]))
            assert feature["properties"]["name"] in ("cow", "camel", "sheep", "horse")
            assert 0 <= feature["properties"]["score"] <= 1


def test_results_are_kept_and_other_settings_are_not_mixed_in(
    detector: Detector, pasture_folder: Path, results: Path
) -> None:
    inputs = find_inputs(sorted((pasture_folder / "images").glob("*.png"))[:3])
    assert all(each.kept for each in predict_files(detector, inputs, results, score_threshold=0.05, most=5))
    with pytest.raises(InputError, match=r"got those of another model\nhint: choose another --out"):
        list(predict_files(detector, inputs, results, score_threshold=0.6))
    for options, text in (
        ({"score_threshold": 1.5}, "wanted a score threshold from 0 to 1, got 1.5"),
        ({"most": 0}, "wanted at least 1 object in an image, got 0"),
        (
            {"probabilities": True},
            r"wanted options for predictions of detection: score_threshold, .* got probabilities",
        ),
    ):
        with pytest.raises(InputError, match=text):
            list(predict_files(detector, inputs, results.parent / "other", **options))
    assert not (results.parent / "other").exists()


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({}, "got facts with the classes None"),
        ({"classes": ["cow"]}, "got facts with the classes"),
        ({"classes": ["background", 3]}, "got facts with the classes"),
        ({"classes": ["background", "cow"], "category_ids": [1, 2]}, "the category_ids .* for 1 classes"),
        ({"classes": ["background", "cow"], "category_ids": [1], "objects": [-1]}, "the objects"),
        (
            {"classes": ["background", "cow"], "category_ids": [1], "objects": [1], "sides": [float("nan"), 1]},
            "the sides",
        ),
        (
            {"classes": ["background", "cow"], "category_ids": [1], "objects": [1], "sides": [2, 1]},
            "tensors of this network",
        ),
    ],
)
def test_hostile_facts_are_refused_by_name(
    detection_run: Path, tmp_path: Path, facts: dict[str, object], text: str
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(detection_run / "model.safetensors", run)
    record = json.loads((detection_run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(record | {"facts": facts}))
    with pytest.raises(InputError, match=text):
        load(run)


def test_a_detector_is_no_segmenter_to_the_rest(detection_run: Path) -> None:
    from pixelwise.inference.model_source import open_model  # noqa: PLC0415

    with pytest.raises(InputError, match="wanted a run of segmentation, got one of detection"):
        open_model(str(detection_run))


def test_the_commonest_class_is_known(detector: Detector) -> None:
    facts: ObjectFacts = detector.facts
    assert facts.objects[facts.commonest - 1] == max(facts.objects)
    assert min(facts.sides) > 5
