import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from pixelwise.drawing.pictures import as_picture, data_uri, png_bytes, to_uint8, write_picture
from pixelwise.errors import InputError


def noise(height=40, width=60):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)


def read(content):
    return np.asarray(Pillow.open(io.BytesIO(content)))


def test_levels_are_rounded_clipped_and_never_nan():
    image = torch.tensor([0.0, 0.5, 1.0, -0.2, 1.7, float("nan")]).expand(3, 1, 6)
    assert to_uint8(image)[0, :, 0].tolist() == [0, 128, 255, 0, 255, 0]


def test_every_level_survives_the_way_there_and_back():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    image = torch.from_numpy(levels).float().div(255).expand(3, 16, 16)
    assert np.array_equal(to_uint8(image)[..., 1], levels)


def test_channels_keep_their_place():
    image = torch.zeros(3, 2, 4)
    image[2, 1, 3] = 1
    assert to_uint8(image)[1, 3].tolist() == [0, 0, 255]
    assert np.array_equal(as_picture(image), to_uint8(image))


@pytest.mark.parametrize(
    ("array", "got"),
    [
        (np.zeros((4, 4, 3)), "float64"),
        (np.zeros((3, 4, 5), np.uint8), r"uint8 \(3, 4, 5\)"),
        (np.zeros(3, np.uint8), "3"),
    ],
)
def test_other_arrays_are_refused(array, got):
    with pytest.raises(InputError, match=rf"wanted a picture of type uint8 and shape \(H, W, 3\), got .*{got}"):
        as_picture(array)


@pytest.mark.parametrize("picture", [noise(), noise()[..., 0]])
def test_png_keeps_every_pixel(picture):
    assert np.array_equal(read(png_bytes(picture)), picture)


def test_an_empty_picture_is_refused():
    with pytest.raises(InputError, match="at least one pixel, got shape"):
        png_bytes(np.zeros((0, 5, 3), np.uint8))


def test_a_data_address_holds_the_picture():
    head, _, body = data_uri(noise()).partition(",")
    assert head == "data:image/png;base64"
    assert np.array_equal(read(base64.b64decode(body)), noise())


def test_large_noise_can_be_saved_as_jpeg():
    assert data_uri(noise(400, 500), "jpeg").startswith("data:image/jpeg;")


def test_smaller_takes_jpeg_for_photographs_and_png_for_drawings():
    assert data_uri(noise(), "smaller").startswith("data:image/jpeg;")
    assert data_uri(np.zeros((40, 60, 3), np.uint8), "smaller").startswith("data:image/png;")
    assert data_uri(np.zeros((40, 60, 3), np.uint8), "jpeg").startswith("data:image/jpeg;")


@pytest.mark.parametrize("name", ["a.png", "a.PNG"])
def test_a_written_picture_reads_back(tmp_path, name):
    write_picture(tmp_path / name, noise())
    assert np.array_equal(np.asarray(Pillow.open(tmp_path / name)), noise())
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_jpeg_is_close(tmp_path):
    ramp = np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], 3, axis=2).repeat(32, axis=0)
    write_picture(str(tmp_path / "a.jpg"), ramp)
    assert np.abs(np.asarray(Pillow.open(tmp_path / "a.jpg")).astype(int) - ramp).max() <= 4


def test_an_unknown_ending_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"ending in .png, .jpg or .jpeg, got .*a.bmp\nhint: write .*a.png"):
        write_picture(tmp_path / "a.bmp", noise())


@pytest.mark.parametrize("name", ["folder.png", "nul\0.png", "n" * 300 + ".png"])
def test_a_path_that_cannot_be_written_is_named(tmp_path, name):
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(InputError) as error:
        write_picture(tmp_path / name, noise())
    assert str(tmp_path / name) in error.value.wanted
    assert [path.name for path in tmp_path.rglob("*")] == ["folder.png"]


def test_missing_folders_are_made(tmp_path):
    write_picture(tmp_path / "new" / "folder" / "a.png", noise())
    assert [path.name for path in (tmp_path / "new" / "folder").iterdir()] == ["a.png"]


def test_a_failure_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    write_picture(path, noise())
    before = path.read_bytes()

    def full(self, content):
        with self.open("wb") as file:
            file.write(content[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(InputError, match="No space left on device"):
        write_picture(path, noise(80, 80))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
