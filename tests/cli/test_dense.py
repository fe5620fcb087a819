"""pixelwise dense as a user meets it: the verdict, the map, refusals, and going on after an interruption."""

import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
import zarr
from PIL import Image
from torch import nn

from pixelwise.cli.main import run
from pixelwise.dense import slide
from pixelwise.inference.dense_files import channels_of, map_picture

NETS = """
import torch
from torch import nn

def seeded(*layers):
    torch.manual_seed(0)
    return nn.Sequential(*(layer() for layer in layers))

def classifier():
    return seeded(lambda: nn.Conv2d(1, 4, 3), nn.ReLU, lambda: nn.MaxPool2d(2), nn.Flatten, lambda: nn.Linear(36, 2))

def colour():
    return seeded(lambda: nn.Conv2d(3, 4, 3), nn.ReLU, lambda: nn.MaxPool2d(2), nn.Flatten, lambda: nn.Linear(36, 5))

def padded():
    return seeded(lambda: nn.Conv2d(1, 4, 3, padding=1), nn.ReLU, lambda: nn.MaxPool2d(2), lambda: nn.Conv2d(4, 2, 4))
"""


@pytest.fixture
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of networks and two images in the current folder; its name is new each time."""
    name = f"nets_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(NETS)
    draws = np.random.default_rng(0)
    Image.fromarray(draws.integers(0, 256, (40, 33), dtype=np.uint8)).save(tmp_path / "grey.png")
    Image.fromarray(draws.integers(0, 256, (40, 33, 3), dtype=np.uint8)).save(tmp_path / "colour.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(sys.path))  # which the command adds the current folder to
    return name


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = run(["dense", *words])
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return code, captured.out, captured.err


def pixels_of(path: str) -> torch.Tensor:
    with Image.open(path) as picture:
        return torch.from_numpy(np.array(picture, dtype=np.float32) / 255)


def expected_map(network: nn.Module, path: str, stride: int = 1) -> np.ndarray:
    pixels = pixels_of(path)
    image = pixels[None] if pixels.ndim == 2 else pixels.movedim(-1, 0)
    with torch.no_grad():
        return slide(network.eval(), image[None], 8, stride)[0].numpy()


def network_of(name: str, function: str) -> nn.Module:
    return getattr(__import__(name), function)()


@pytest.mark.parametrize("verb", ["check", "map"])
def test_help_shows_an_example(capsys: pytest.CaptureFixture[str], verb: str):
    code, out, _ = said(capsys, verb, "--help")
    assert code == 0
    assert f"Example: pixelwise dense {verb}" in " ".join(out.split())


def test_check_says_yes_with_the_measured_difference_and_what_to_do_next(capsys: pytest.CaptureFixture[str], nets: str):
    code, out, _ = said(capsys, "check", f"{nets}:classifier", "--patch", "8", "--image", "grey.png")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].split() == ["patch", "8x8", "largest", "difference", "on", "grey.png", "of", "scores", "to"]
    assert [line.split()[:2] for line in lines[1:4]] == [
        ["patch-exact", "yes"],
        ["stride-exact", "yes"],
        ["tile-exact", "yes"],
    ]
    assert float(lines[1].split()[2]) < 1e-5
    assert lines[-1] == f"next   pixelwise dense map {nets}:classifier IMAGE --patch 8 --out map.tif"


def test_check_names_what_breaks_exactness_and_still_ends_well(capsys: pytest.CaptureFixture[str], nets: str):
    code, out, _ = said(capsys, "check", f"{nets}:padded", "--patch", "8")
    assert code == 0
    assert ["patch-exact", "no"] in [line.split()[:2] for line in out.splitlines()]
    assert "not patch-exact: 0 (conv2d) pads inside the patch" in out
    assert "hint: train the classifier without padding" in out
    assert "--exact stride" in out.splitlines()[-1]


def test_check_of_a_network_of_the_catalog(capsys: pytest.CaptureFixture[str]):
    code, out, _ = said(capsys, "check", "unet", "--patch", "64")
    assert code == 0
    assert ["tile-exact", "yes"] in [line.split()[:2] for line in out.splitlines()]
    assert "pixelwise.dense.tiled" in out.splitlines()[-1]


@pytest.mark.parametrize(("function", "image"), [("classifier", "grey.png"), ("colour", "colour.png")])
@pytest.mark.parametrize("name", ["map.npy", "map.tif", "map.zarr"])
def test_the_map_equals_the_classifier_on_every_patch(
    capsys: pytest.CaptureFixture[str], nets: str, function: str, image: str, name: str
):
    model = f"{nets}:{function}"
    code, out, _ = said(capsys, "map", model, image, "--patch", "8", "--stride", "3", "--out", name)
    assert code == 0
    lines = out.splitlines()
    assert lines[0].startswith("plan   1 tile of 11x9, halo 4, recompute 1.00x, peak about ")
    assert lines[-3:-1] == [f"wrote  {name}", "wrote  map.heat.png"]
    assert lines[-1].startswith(f"next   pixelwise dense check {model} --patch 8 --image {image}")
    read = {".npy": np.load, ".tif": tifffile.imread, ".zarr": lambda path: np.asarray(zarr.open_array(path)[:])}
    expected = expected_map(network_of(nets, function), image, 3)
    np.testing.assert_allclose(read[Path(name).suffix](name), expected, rtol=0, atol=1e-5)
    with Image.open("map.heat.png") as picture:
        assert picture.size[0] == 9


def test_a_padded_classifier_is_refused_unless_its_own_map_is_asked_for(
    capsys: pytest.CaptureFixture[str], nets: str, tmp_path: Path
):
    words = ["map", f"{nets}:padded", "grey.png", "--patch", "8", "--out", "map.npy"]
    code, _, err = said(capsys, *words)
    assert code == 1
    assert "wanted a network that is patch-exact, got 0 (conv2d) pads inside the patch" in err
    assert not (tmp_path / "map.npy").exists()
    code, _, _ = said(capsys, *words, "--exact", "stride")
    assert code == 0
    with torch.no_grad():
        coarse = network_of(nets, "padded")(pixels_of("grey.png")[None, None])[0].numpy()
    np.testing.assert_allclose(np.load("map.npy")[:, ::2, ::2], coarse, rtol=0, atol=1e-5)


def test_reductions_are_written_and_painted(capsys: pytest.CaptureFixture[str], nets: str):
    words = ["map", f"{nets}:colour", "colour.png", "--patch", "8", "--reduce", "argmax", "--out", "labels.tif"]
    assert said(capsys, *words)[0] == 0
    labels = tifffile.imread("labels.tif")
    expected = expected_map(network_of(nets, "colour"), "colour.png").argmax(0)
    assert labels.dtype == np.uint8
    assert np.array_equal(labels, expected)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"--patch": "41"}, "an image of at least one patch, 41x41, got 40x33"),
        ({"--memory": "1KB"}, "MB, which the smallest tile takes"),
        ({"--out": "map.jpg"}, "out to end in .npy, .tif, .tiff, .zarr"),
        ({"--stride": "0"}, "stride of at least 1 pixel"),
        ({"--reduce": "best"}, "reduce to be None, argmax"),
        ({"image": "colour.png"}, "a grey image for a network of one channel, got colours in colour.png"),
        ({"image": "none.png"}, "none.png"),
        ({"model": "weights.pth"}, "a pickle, which can hold any code"),
        ({"--channels": "4"}, "a network of 1 channel (grey) or 3 (RGB)"),
        ({"--patch": "5"}, "a network that torch.export can follow for 1 x 5 x 5 images"),
    ],
)
def test_bad_input_is_code_1_with_a_hint_and_leaves_nothing(
    capsys: pytest.CaptureFixture[str], nets: str, tmp_path: Path, change: dict[str, str], text: str
):
    settings = {"model": f"{nets}:classifier", "image": "grey.png", "--patch": "8", "--out": "map.npy"}
    if change.get("--patch") == "41":
        settings["model"] = f"{nets}:wide"
        with (tmp_path / f"{nets}.py").open("a") as file:
            file.write("\ndef wide():\n    return seeded(lambda: nn.Conv2d(1, 2, 41))\n")
    settings |= change
    words = ["map", settings.pop("model"), settings.pop("image"), *(word for pair in settings.items() for word in pair)]
    before = set(tmp_path.iterdir())
    code, _, err = said(capsys, *words)
    assert code == 1
    assert text in err
    assert "hint: " in err
    assert {path for path in set(tmp_path.iterdir()) - before if path.name != "__pycache__"} == set()


@pytest.mark.parametrize(
    ("values", "got"), [(np.int16, "values of int16"), (np.int32, "values of int32"), (np.float32, "floats with NaN")]
)
def test_values_without_a_scale_are_refused(
    capsys: pytest.CaptureFixture[str], nets: str, tmp_path: Path, values: type[np.generic], got: str
):
    pixels = np.zeros((40, 33), values)
    if values is np.float32:
        pixels[3, 4] = np.nan
    tifffile.imwrite("odd.tif", pixels)
    code, _, err = said(capsys, "map", f"{nets}:classifier", "odd.tif", "--patch", "8", "--out", "map.npy")
    assert code == 1
    assert f"an image of 8 or 16 bits a channel, or of floats in 0..1, got odd.tif: {got}" in err
    assert not list(tmp_path.glob("map*"))


def test_a_map_that_is_there_is_kept(capsys: pytest.CaptureFixture[str], nets: str, tmp_path: Path):
    (tmp_path / "map.npy").write_bytes(b"mine")
    code, _, err = said(capsys, "map", f"{nets}:classifier", "grey.png", "--patch", "8", "--out", "map.npy")
    assert code == 1
    assert "an out that does not exist yet, got map.npy" in err
    assert (tmp_path / "map.npy").read_bytes() == b"mine"
    assert [path.name for path in tmp_path.glob("map*")] == ["map.npy"]


def test_an_interrupted_map_goes_on_with_the_same_command(
    capsys: pytest.CaptureFixture[str], nets: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    words = ["map", f"{nets}:classifier", "grey.png", "--patch", "8", "--memory", "15KB", "--out", "map.npy"]
    done: list[int] = []

    class Interrupting:
        def __init__(self, title: str) -> None:
            pass

        def __enter__(self) -> "Interrupting":
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def __call__(self, tile: int, total: int) -> None:
            done.append(total)
            if tile == 2 and len(done) == 2:
                raise KeyboardInterrupt

    monkeypatch.setattr("pixelwise.cli.dense.progress_bar", Interrupting)
    code, _, err = said(capsys, *words)
    assert code == 1
    assert "hint: run it again to continue" in err
    assert done[0] > 4
    assert not (tmp_path / "map.npy").exists()
    assert len((tmp_path / "map.npy.journal").read_text().splitlines()) == 1 + 2
    assert said(capsys, *words)[0] == 0
    expected = expected_map(network_of(nets, "classifier"), "grey.png")
    np.testing.assert_allclose(np.load("map.npy"), expected, rtol=0, atol=1e-5)


def test_a_picture_that_is_there_is_kept(capsys: pytest.CaptureFixture[str], nets: str, tmp_path: Path):
    (tmp_path / "map.heat.png").write_bytes(b"mine")
    code, _, err = said(capsys, "map", f"{nets}:classifier", "grey.png", "--patch", "8", "--out", "map.npy")
    assert code == 1
    assert "a picture that does not exist yet, got map.heat.png" in err
    assert (tmp_path / "map.heat.png").read_bytes() == b"mine"


def test_pictures_of_every_reduction():
    scores = np.random.default_rng(0).normal(size=(3, 20, 30)).astype(np.float32)
    assert map_picture(scores, None).shape == (20, 30, 3)
    assert map_picture(scores[:1], None).shape == (20, 30, 3)
    assert np.array_equal(map_picture(scores, None), map_picture(scores.argmax(0).astype(np.uint8), "argmax"))
    assert map_picture(np.full((2, 20, 30), 255, np.uint8), "top2").shape == (20, 30, 3)
    half = map_picture(np.full((2, 20, 30), 0.5, np.float32), "probabilities")
    assert np.array_equal(half, map_picture(np.zeros((2, 20, 30), np.float32), None))
    assert np.array_equal(half, map_picture(np.full((20, 30), 0.5, np.float32), "margin"))
    assert map_picture(np.zeros((3, 5000, 2100), np.float32), "top3_probabilities").shape[1] == 700


def test_channels_are_those_of_the_first_kernel():
    assert channels_of(nn.Sequential(nn.BatchNorm2d(1), nn.Conv2d(1, 4, 3), nn.Conv2d(4, 2, 1))) == 1
    assert channels_of(nn.Flatten()) == 3
