"""Many files into one folder: nothing is lost, mixed up or written over."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from numpy.typing import NDArray
from PIL import Image

from pixelwise.data.formats.masks import read_label_map
from pixelwise.data.images import image_size
from pixelwise.errors import InputError
from pixelwise.inference import Predictor, load
from pixelwise.inference.inputs import find_inputs
from pixelwise.inference.prediction_files import predict_files, weights_digest


@pytest.fixture(scope="module")
def predictor(trained_run: Path) -> Predictor:
    return load(trained_run)


def picture(path: Path, seed: int = 0, size: tuple[int, int] = (20, 30)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels: NDArray[np.uint8] = np.random.default_rng(seed).integers(0, 255, (*size, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def test_files_folders_and_lists_are_searched(tmp_path: Path) -> None:
    one, two = picture(tmp_path / "one.png"), picture(tmp_path / "in" / "deep" / "two.png")
    picture(tmp_path / "in" / "out" / "old.png")
    (tmp_path / "in" / "notes.md").write_text("no image")
    listed = picture(tmp_path / "lists" / "listed.png")
    (tmp_path / "lists" / "all.txt").write_text("listed.png\n\n")
    found = find_inputs([one, tmp_path / "in", tmp_path / "lists" / "all.txt"], out=tmp_path / "in" / "out")
    assert [(each.path, each.name) for each in found] == [(one, "one"), (two, "deep/two"), (listed, "listed")]


def test_bad_inputs_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"got .*gone\.png, which does not exist\nhint: check the path"):
        find_inputs([tmp_path / "gone.png"])
    with pytest.raises(InputError, match=r"wanted at least one image \(.*\.png.*\), got none in"):
        find_inputs([tmp_path])
    picture(tmp_path / "a" / "same.png")
    picture(tmp_path / "b" / "same.jpg")
    with pytest.raises(InputError, match=r"got .*same\.png and .*same\.jpg\nhint: rename one of them"):
        find_inputs([tmp_path / "a", tmp_path / "b"])
    (tmp_path / "list.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"wanted a text file in UTF-8, got .*list\.txt"):
        find_inputs([tmp_path / "list.txt"])


def test_files_hold_the_prediction(predictor: Predictor, tmp_path: Path) -> None:
    source = picture(tmp_path / "in" / "x.png")
    out = tmp_path / "out"
    (done,) = predict_files(predictor, find_inputs([source]), out, probabilities=True)
    expected = predictor.predict(source, probabilities=True)
    assert expected.probabilities is not None
    assert np.array_equal(read_label_map(out / "x.png"), expected.labels.numpy())
    planes = torch.from_numpy(tifffile.imread(out / "x.probabilities.tif").astype(np.float32))
    torch.testing.assert_close(planes, expected.probabilities, atol=1e-3, rtol=0)  # float16 has 11 bits
    assert image_size(out / "x.overlay.jpg") == (20, 30)
    assert done.shares == expected.shares
    assert {path.name for path in out.iterdir()} == {
        "x.png",
        "x.overlay.jpg",
        "x.probabilities.tif",
        "predictions.json",
    }


def test_results_are_kept_until_their_image_changes(predictor: Predictor, tmp_path: Path) -> None:
    source = picture(tmp_path / "in" / "x.png")
    inputs = find_inputs([tmp_path / "in"])
    assert [each.kept for each in predict_files(predictor, inputs, tmp_path / "out")] == [False]
    before = (tmp_path / "out" / "x.png").stat().st_mtime_ns
    assert [each.kept for each in predict_files(predictor, inputs, tmp_path / "out")] == [True]
    assert (tmp_path / "out" / "x.png").stat().st_mtime_ns == before
    picture(source, seed=1, size=(24, 30))
    assert [each.kept for each in predict_files(predictor, inputs, tmp_path / "out")] == [False]
    assert read_label_map(tmp_path / "out" / "x.png").shape == (24, 30)
    (tmp_path / "out" / "x.overlay.jpg").unlink()
    assert [each.kept for each in predict_files(predictor, inputs, tmp_path / "out")] == [False]


def test_one_bad_image_does_not_stop_the_others(predictor: Predictor, tmp_path: Path) -> None:
    for name in ("a", "c"):
        picture(tmp_path / "in" / f"{name}.png")
    (tmp_path / "in" / "b.png").write_bytes(b"")
    done = list(predict_files(predictor, find_inputs([tmp_path / "in"]), tmp_path / "out"))
    assert [each.error is None for each in done] == [True, False, True]
    assert "b.png" in str(done[1].error)
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == ["a.png", "c.png"]


def test_another_model_may_not_mix_its_results_in(predictor: Predictor, trained_run: Path, tmp_path: Path) -> None:
    inputs = find_inputs([picture(tmp_path / "x.png")])
    list(predict_files(predictor, inputs, tmp_path / "out"))
    other = load(trained_run)
    next(other.network.parameters()).data[0] += 1
    assert weights_digest(other) != weights_digest(predictor)
    with pytest.raises(InputError, match=r"got those of another model\nhint: choose another --out"):
        list(predict_files(other, inputs, tmp_path / "out"))
    (tmp_path / "out" / "predictions.json").write_text("{")
    with pytest.raises(InputError, match="those of another model"):
        list(predict_files(predictor, inputs, tmp_path / "out"))


def test_a_users_files_are_never_written_over(predictor: Predictor, tmp_path: Path) -> None:
    source = picture(tmp_path / "scans" / "x.png")
    content = source.read_bytes()
    with pytest.raises(InputError, match=r"that does not hold the images, got .*x\.png in .*scans"):
        list(predict_files(predictor, find_inputs([source]), source.parent))
    shutil.copytree(source.parent, tmp_path / "album")
    with pytest.raises(InputError, match=r"wanted an empty or new folder .* which holds other files"):
        list(predict_files(predictor, find_inputs([source]), tmp_path / "album"))
    with pytest.raises(InputError, match="wanted a folder for the predictions, got the file"):
        list(predict_files(predictor, find_inputs([source]), tmp_path / "album" / "x.png"))
    assert source.read_bytes() == (tmp_path / "album" / "x.png").read_bytes() == content
    assert [path.name for path in source.parent.iterdir()] == ["x.png"]


def test_names_with_dots_slashes_and_brackets_stay_inside(predictor: Predictor, tmp_path: Path) -> None:
    picture(tmp_path / "in" / "a.b [red].png")
    (tmp_path / "in" / "list.txt").write_text("../in/a.b [red].png\n")
    list(predict_files(predictor, find_inputs([tmp_path / "in" / "list.txt"]), tmp_path / "out"))
    assert (tmp_path / "out" / "a.b [red].png").is_file()
    assert json.loads((tmp_path / "out" / "predictions.json").read_text())["model"] == "unet"


def test_a_large_overlay_is_reduced(predictor: Predictor, tmp_path: Path) -> None:
    source = picture(tmp_path / "long.png", size=(8, 4100))
    list(predict_files(predictor, find_inputs([source]), tmp_path / "out"))
    assert image_size(tmp_path / "out" / "long.overlay.jpg") == (3, 1367)
    assert read_label_map(tmp_path / "out" / "long.png").shape == (8, 4100)
