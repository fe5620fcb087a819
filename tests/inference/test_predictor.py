"""One image in, one segmentation out, whatever form the image has and however it is cut."""

import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from numpy.typing import NDArray
from PIL import Image

from pixelwise.data.pasture import Knobs, render
from pixelwise.dense import TiledModel
from pixelwise.errors import InputError
from pixelwise.inference import Predictor, load
from references.separate_processes import PEAK, run_python


@pytest.fixture(scope="module")
def predictor(trained_run: Path) -> Predictor:
    return load(trained_run)


@pytest.fixture(scope="module")
def scene() -> NDArray[np.uint8]:
    image: NDArray[np.uint8] = render(Knobs(size=(150, 201)), seed=5).image
    return image


def test_path_array_and_tensor_give_the_same(predictor: Predictor, scene: NDArray[np.uint8], tmp_path: Path) -> None:
    Image.fromarray(scene).save(tmp_path / "scene.png")
    by_path = predictor.predict(tmp_path / "scene.png")
    tensor = torch.from_numpy(scene).movedim(-1, 0).float() / 255
    others = (str(tmp_path / "scene.png"), scene, scene.astype(np.float32) / 255, tensor, tensor.double())
    for other in others:
        assert torch.equal(predictor.predict(other).labels, by_path.labels)
    assert by_path.labels.shape == (150, 201)
    assert by_path.labels.unique().numel() > 1
    assert sum(by_path.shares.values()) == pytest.approx(1)


def test_probabilities_sum_to_one_and_agree_with_the_labels(predictor: Predictor, scene: NDArray[np.uint8]) -> None:
    found = predictor.predict(scene, probabilities=True)
    assert found.probabilities is not None
    assert found.probabilities.shape == (5, 150, 201)
    torch.testing.assert_close(found.probabilities.sum(0), torch.ones(150, 201))
    assert torch.equal(found.probabilities.argmax(0), found.labels.long())
    assert torch.equal(found.labels, predictor.predict(scene).labels)
    assert predictor.predict(scene).probabilities is None


def test_tiles_change_nothing(predictor: Predictor, scene: NDArray[np.uint8], trained_run: Path) -> None:
    image = torch.from_numpy(scene).movedim(-1, 0).float() / 255
    tiles = TiledModel(predictor.model, tile=32)
    assert tiles.plan((150, 201)).tiles > 20
    cut, whole = tiles.run(image), TiledModel(predictor.model, tile=512).run(image)
    torch.testing.assert_close(cut, whole, atol=1e-5, rtol=0)
    assert int((cut.argmax(0) != whole.argmax(0)).sum()) == 0
    assert torch.equal(load(trained_run, tile=64).predict(scene).labels, predictor.predict(scene).labels)
    assert torch.equal(load(trained_run, memory="20MB").predict(scene).labels, predictor.predict(scene).labels)


def test_progress_ends_at_all_tiles(trained_run: Path, scene: NDArray[np.uint8]) -> None:
    seen: list[tuple[int, int]] = []
    load(trained_run, tile=64).predict(scene, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1] == len(seen) > 1


@pytest.mark.parametrize("kind", ["grey", "alpha", "deep"])
def test_other_pixel_formats_are_read_as_rgb(predictor: Predictor, tmp_path: Path, kind: str) -> None:
    values = np.random.default_rng(0).integers(0, 255, (40, 52, 4), np.uint8)
    path = tmp_path / "image.tif"
    if kind == "deep":
        tifffile.imwrite(path, values[..., 0].astype(np.uint16) * 257, photometric="minisblack")
    else:
        path = tmp_path / "image.png"
        Image.fromarray(values if kind == "alpha" else values[..., 0]).save(path)
    colours = values[..., :3] if kind == "alpha" else np.repeat(values[..., :1], 3, axis=-1)
    assert torch.equal(predictor.predict(path).labels, predictor.predict(colours).labels)


@pytest.mark.parametrize(
    ("image", "text"),
    [
        (torch.zeros(1, 8, 8), r"got shape \(1, 8, 8\)\nhint: repeat a gray channel"),
        (torch.zeros(2, 3, 8, 8), r"got shape \(2, 3, 8, 8\)"),
        (torch.zeros(3, 0, 8), r"got shape \(3, 0, 8\)"),
        (torch.zeros(3, 8, 8, dtype=torch.uint8), r"type torch.uint8\nhint: divide by"),
        (torch.full((3, 8, 8), 2.0), "got values from 2 to 2\nhint: scale the image to 0..1"),
        (torch.full((3, 8, 8), torch.nan), "got values from nan to nan"),
        (torch.full((3, 8, 8), -0.1), "got values from -0.1"),
    ],
)
def test_wrong_arrays_are_named(image: torch.Tensor, text: str) -> None:
    from pixelwise.inference.any_image import as_image  # noqa: PLC0415

    with pytest.raises(InputError, match=text):
        as_image(image)


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 4), (0, 8, 3)])
def test_wrong_numpy_arrays_are_named(shape: tuple[int, ...]) -> None:
    from pixelwise.inference.any_image import as_image  # noqa: PLC0415

    with pytest.raises(InputError, match="wanted an RGB image"):
        as_image(np.zeros(shape, np.uint8))


def test_unreadable_files_are_named(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("not an image")
    for name in ("empty.png", "text.png", "missing.png", "."):
        with pytest.raises(InputError, match="hint: "):
            predictor.predict(tmp_path / name)


def test_a_single_pixel_has_a_class(predictor: Predictor) -> None:
    assert predictor.predict(torch.zeros(3, 1, 1)).labels.shape == (1, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_memory_does_not_grow_with_the_image(trained_run: Path, tmp_path: Path) -> None:
    """Whole, the large image would take 200 MB and its scores 335 MB more."""
    small, large = tmp_path / "small.tif", tmp_path / "large.tif"
    for path, side in ((small, 1024), (large, 4096)):
        pixels = np.zeros((side, side, 3), np.uint8)
        pixels[::7, ::5] = 255
        tifffile.imwrite(path, pixels, photometric="rgb")
    program = """
import sys
from pixelwise.inference import load
predictor = load(sys.argv[1], memory="100MB")
peaks = []
for path in sys.argv[2:]:
    labels = predictor.predict(path).labels
    peaks.append(peak())
print(labels.shape, peaks[1] - peaks[0])
"""
    done = run_python(PEAK + program, trained_run, small, large)
    assert done.returncode == 0, done.stderr
    grown = float(done.stdout.split()[-1])
    # 17 MB of labels, 50 MB of mapped file, and the 100 MB that tiles may take, which the small image does not fill.
    assert grown < 167, f"{grown} MB"
