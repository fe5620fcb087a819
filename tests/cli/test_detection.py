"""Detection from the command line: help, options, what each verb says and leaves."""

import json
from pathlib import Path
from typing import Any

import pytest

from pixelwise.cli import training_run
from pixelwise.cli.main import run
from pixelwise.data.detection.folder import open_detection
from references.box_folders import put_coco, put_voc, put_yolo, some_objects


def said(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    code = run([str(word) for word in words])
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return code, captured.out, captured.err


class Reached(Exception):  # noqa: N818 - a message, not an error
    """Carries what training was asked for."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Runs a command line and gives the settings that reach training."""

    def train(task: str, data: Path, **settings: Any) -> None:
        assert task == "detection"
        raise Reached(settings)

    monkeypatch.setattr(training_run, "train", train)

    def settings_of(*words: str) -> dict[str, Any]:
        with pytest.raises(Reached) as reached:
            run(["train", "detection", str(tmp_path), "--out", str(tmp_path / "run"), *words])
        found: dict[str, Any] = reached.value.args[0]
        return found

    return settings_of


def test_options_reach_training(asked: Any) -> None:
    found = asked("--resize", "320,512", "--width", "16", "--set", "anchor_sizes=[8,16,32,64,128]", "--turns")
    assert found["model_settings"] == {"width": 16, "anchor_sizes": [8, 16, 32, 64, 128], "resize": [320, 512]}
    assert found["turns"] is True
    assert asked("--resize", "none")["model_settings"] == {"resize": None}
    assert asked("--scales", "320", "--scales", "400", "--clip", "5")["scales"] == [320, 400]
    assert not {"scales", "model_settings", "freeze"} & asked().keys()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["train", "detection", "data"], "--out"),
        (["train", "detection", "data", "--out", "run", "--resize", "big"], "--resize SHORTEST,LONGEST"),
        (["train", "detection", "data", "--out", "run", "--resize", "0,5"], "--resize SHORTEST,LONGEST"),
        (["train", "detection", "data", "--out", "run", "--augment", "mosaic"], "mosaic"),
    ],
)
def test_wrong_usage_is_code_2(capsys: pytest.CaptureFixture[str], words: list[str], text: str) -> None:
    code, _, err = said(capsys, *words)
    assert code == 2
    assert text in err


def test_help_shows_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "train", "detection", "--help")
    assert code == 0
    assert "Example: pixelwise train detection my_images" in " ".join(out.split())


def test_from_boxes_to_a_report(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    data = put_coco(tmp_path / "data", some_objects())
    words = ["train", "detection", data, "--out", tmp_path / "run", "--model", "mask_rcnn_resnet18_fpn", "--width", "4"]
    words += ["--set", "fpn_channels=8", "--epochs", "1", "--anchors-drawn", "32", "--regions-drawn", "16"]
    code, out, err = said(capsys, *words)
    assert code == 0, err
    for text in ("resize: none", "anchors of", "epoch 1  loss", "val AP50", "validation: boxes: AP50", "grid of equal"):
        assert text in out
    assert f"next   pixelwise predict {tmp_path / 'run'} IMAGE" in out

    code, out, err = said(capsys, "evaluate", tmp_path / "run", data, "--out", tmp_path / "scores")
    assert code == 0, err
    assert "6 images, 6 true objects" in out
    assert "AP50 boxes" in out
    assert "grid" in out

    code, out, err = said(
        capsys, "predict", tmp_path / "run", data / "images", "--out", tmp_path / "found", "--score-threshold", "1"
    )
    assert code == 0, err
    assert "a.png -> " in out
    assert ": 0 objects" in out
    assert json.loads((tmp_path / "found" / "detections.json").read_text()) == []
    code, _, err = said(
        capsys, "predict", tmp_path / "run", data / "images", "--out", tmp_path / "p", "--probabilities"
    )
    assert code == 1
    assert "wanted options for predictions of detection" in err


@pytest.mark.parametrize("put", [put_coco, put_voc, put_yolo])
def test_check_examines_boxes_in_every_layout(capsys: pytest.CaptureFixture[str], tmp_path: Path, put: Any) -> None:
    code, out, _ = said(capsys, "data", "check", put(tmp_path / "data", some_objects()))
    assert code == 0
    assert "6 images with boxes (train 6), 2 without an object" in out
    assert "0 fatal, 0 repaired, 0 warnings" in out
    assert f"next   pixelwise train detection {tmp_path / 'data'} --out run" in out


def test_check_repairs_into_a_copy_and_refuses_what_it_cannot_mend(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data = put_coco(tmp_path / "data", some_objects(), masks=False)
    content = json.loads((data / "annotations.json").read_text())
    content["annotations"].append({"id": 99, "image_id": 0, "category_id": 1, "bbox": [5, 5, 0, 0], "iscrowd": 0})
    (data / "annotations.json").write_text(json.dumps(content))
    code, out, _ = said(capsys, "data", "check", data, "--repair", tmp_path / "copy")
    assert code == 0
    assert "repair 1 x zero-area: the object is left out" in out
    assert f"wrote  {tmp_path / 'copy'}: 6 objects" in out
    assert len(open_detection(tmp_path / "copy").items) == 6
    content["annotations"][0]["category_id"] = 9
    (data / "annotations.json").write_text(json.dumps(content))
    code, out, _ = said(capsys, "data", "check", data)
    assert code == 1
    assert "category 9, which is none of the classes" in out
    code, _, err = said(capsys, "data", "check", tmp_path / "nowhere", "--repair", tmp_path / "other")
    assert code == 1
    assert "wanted a folder with boxes, for a repaired copy" in err


def test_check_of_pasture_examines_label_maps_and_boxes(
    capsys: pytest.CaptureFixture[str], pasture_folder: Path
) -> None:
    code, out, _ = said(capsys, "data", "check", pasture_folder)
    assert code == 0
    assert f"next   pixelwise train segmentation {pasture_folder} --out run" in out
    assert f"next   pixelwise train detection {pasture_folder} --out run" in out
