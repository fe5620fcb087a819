"""Images: every kind of file gives the values it was made from, whole and by region; damage gives one named error."""

import pickle
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from pixelwise.data import image_size, open_image, read_image, read_label_map
from pixelwise.errors import InputError
from references.sample_files import deep_png, every_kind, paletted, pillow_file, smooth, tiff_file, turned_jpeg

KINDS = every_kind()
LOOSE = settings(
    max_examples=600, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def saved(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def planes(pixels: np.ndarray, largest: int) -> torch.Tensor:
    """What reading must give for gray or RGB values: the obvious way."""
    colour = np.stack([pixels] * 3, axis=-1) if pixels.ndim == 2 else pixels[..., :3]
    return torch.from_numpy(colour.astype(np.float32).transpose(2, 0, 1).copy()) / largest


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_eight_bit_values_come_back_exactly(tmp_path: Path, channels: int, form: str):
    pixels = smooth(9, 12, channels, np.uint8)
    content = pillow_file(pixels, "PNG") if form == "PNG" else tiff_file(pixels)
    assert torch.equal(read_image(saved(tmp_path, "a.png", content)), planes(pixels, 255))


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_sixteen_bits_keep_their_low_byte(tmp_path: Path, channels: int, form: str):
    pixels = smooth(9, 12, channels, np.uint16)
    content = deep_png(pixels) if form == "PNG" else tiff_file(pixels)
    assert torch.equal(read_image(saved(tmp_path, "a.png", content)), planes(pixels, 65535))


def test_a_palette_is_looked_up(tmp_path: Path):
    palette = smooth(7, 3, 1, np.uint8)
    indices = smooth(9, 12, 1, np.uint8) % 7
    image = read_image(saved(tmp_path, "a.png", paletted(indices, palette)))
    assert torch.equal(image, planes(palette[indices], 255))


def test_white_is_one_also_where_it_is_stored_as_zero(tmp_path: Path):
    pixels = smooth(5, 6, 1, np.uint8)
    path = saved(tmp_path, "a.tif", tiff_file(pixels, photometric="miniswhite"))
    assert torch.equal(read_image(path), planes(255 - pixels, 255))


def test_four_bits_span_zero_to_one(tmp_path: Path):
    palette = np.repeat(np.arange(16)[:, None] * 17, 3, axis=1)
    path = saved(tmp_path, "a.png", paletted(np.arange(16, dtype=np.uint8).reshape(4, 4), palette, bits=4))
    assert read_image(path)[0].flatten().tolist() == pytest.approx([value / 15 for value in range(16)])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_as_pillow_does(tmp_path: Path, orientation: int):
    path = saved(tmp_path, "a.jpg", turned_jpeg(smooth(8, 16, 3, np.uint8), orientation))
    with Image.open(path) as picture:
        expected = np.asarray(ImageOps.exif_transpose(picture))
    assert torch.equal(read_image(path), planes(expected, 255))
    assert image_size(path) == expected.shape[:2]
    assert torch.equal(open_image(path).read(2, 3, 4, 5), planes(expected[2:6, 3:8], 255))


def test_float_tiff_is_taken_as_it_is_within_zero_to_one_and_refused_outside(tmp_path: Path):
    pixels = np.linspace(0, 1, 30, dtype=np.float32).reshape(5, 6)
    assert torch.equal(read_image(saved(tmp_path, "a.tif", tiff_file(pixels))), planes(pixels, 1))
    for values, words in ((pixels * 200, "from 0 to 200"), (pixels - 1, "from -1 to 0"), (pixels * np.nan, "NaN")):
        path = saved(tmp_path, "b.tif", tiff_file(values))
        with pytest.raises(InputError, match=f"b.tif: floats with .*{words}"):
            read_image(path)


@pytest.mark.parametrize("pixels", [np.zeros((4, 5), np.int16), np.zeros((4, 5), np.uint32)])
def test_integers_without_a_scale_are_refused(tmp_path: Path, pixels: np.ndarray):
    with pytest.raises(InputError, match=f"a.tif: values of {pixels.dtype}"):
        read_image(saved(tmp_path, "a.tif", tiff_file(pixels)))


def test_five_channels_and_cmyk_tiff_are_refused(tmp_path: Path):
    many = tiff_file(smooth(4, 6, 5, np.uint8), photometric="minisblack", planarconfig="contig")
    with pytest.raises(InputError, match=r"at most 4 channels, got .*a.tif: .*5 channels"):
        read_image(saved(tmp_path, "a.tif", many))
    cmyk = tiff_file(smooth(4, 6, 4, np.uint8), photometric="separated")
    with pytest.raises(InputError, match="SEPARATED"):
        read_image(saved(tmp_path, "b.tif", cmyk))


@pytest.mark.parametrize("name", KINDS)
def test_size_and_every_region_agree_with_the_whole_image(tmp_path: Path, name: str):
    path = saved(tmp_path, name, KINDS[name])
    whole = read_image(path)
    assert image_size(path) == whole.shape[1:]
    assert whole.min() >= 0 and whole.max() <= 1
    lazy = pickle.loads(pickle.dumps(open_image(path)))  # data loaders send it to other processes
    assert lazy.size == whole.shape[1:]
    height, width = lazy.size
    for top, left, rows, columns in (
        (0, 0, height, width),
        (1, 2, 17, 19),
        (height - 1, width - 1, 1, 1),
        (5, 0, 3, width),
    ):
        region = lazy.read(top, left, rows, columns)
        assert torch.equal(region, whole[:, top : top + rows, left : left + columns])


def test_a_region_outside_is_refused(tmp_path: Path):
    lazy = open_image(saved(tmp_path, "a.png", KINDS["rgb.png"]))
    for region in ((0, 0, 25, 1), (-1, 0, 2, 2), (0, 30, 4, 4), (0, 0, 0, 5)):
        with pytest.raises(InputError, match=r"inside the 24x33 pixels of .*a.png"):
            lazy.read(*region)


def test_a_region_of_a_tiled_tiff_touches_only_its_tiles(tmp_path: Path):
    """Every tile but one is destroyed: its region still reads, others fail by name."""
    path = saved(tmp_path, "a.tif", tiff_file(smooth(64, 64, 1, np.uint8), compression="zlib", tile=(16, 16)))
    whole = read_image(path)
    with tifffile.TiffFile(path) as file:
        pieces = list(zip(file.pages[0].dataoffsets, file.pages[0].databytecounts, strict=True))
    content = bytearray(path.read_bytes())
    for start, count in pieces[:5] + pieces[6:]:
        content[start : start + count] = b"\0" * count
    path.write_bytes(content)
    lazy = open_image(path)
    assert torch.equal(lazy.read(17, 18, 14, 13), whole[:, 17:31, 18:31])
    with pytest.raises(InputError, match=r"a\.tif"):
        lazy.read(0, 0, 20, 20)


def test_pictures_past_pillows_limit_open_and_leave_its_setting_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    filters = list(warnings.filters)
    for name in ("rgb.png", "rgb.jpg"):
        path = saved(tmp_path, name, KINDS[name])
        assert read_image(path).shape == (3, 24, 33)
        assert open_image(path).read(0, 0, 5, 5).shape == (3, 5, 5)
    assert Image.MAX_IMAGE_PIXELS == 10
    assert list(warnings.filters) == filters


def hostile_png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def hostile_tiff(side: int) -> bytes:
    """A valid tiny file whose height and width are overwritten."""
    content = bytearray(tiff_file(smooth(16, 16, 1, np.uint8), compression="zlib"))
    entries = struct.unpack_from("<H", content, 8)[0]
    for entry in range(10, 10 + 12 * entries, 12):
        if struct.unpack_from("<H", content, entry)[0] in (256, 257, 278):  # width, height, rows per strip
            struct.pack_into("<HHII", content, entry, struct.unpack_from("<H", content, entry)[0], 4, 1, side)
    return bytes(content)


def hostile_jpeg(side: int) -> bytes:
    content = bytearray(KINDS["rgb.jpg"])
    struct.pack_into(">HH", content, content.index(b"\xff\xc0") + 5, side, side)
    return bytes(content)


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.png", hostile_png(60000, 60000)), ("a.tif", hostile_tiff(60000)), ("a.jpg", hostile_jpeg(60000))],
)
def test_a_header_that_claims_more_than_the_file_can_hold_is_refused_before_memory_is_taken(
    tmp_path: Path, name: str, content: bytes
):
    path = saved(tmp_path, name, content)
    for read in (read_image, open_image, read_label_map):
        with pytest.raises(InputError, match=rf"{name}: it.* claims .* cannot hold them"):
            read(path)


@pytest.mark.parametrize("read", [read_image, image_size, open_image, read_label_map])
def test_missing_empty_and_foreign_files_are_named(tmp_path: Path, read):
    with pytest.raises(InputError, match=r"none.png, which does not exist"):
        read(tmp_path / "none.png")
    with pytest.raises(InputError, match="which is a folder"):
        read(tmp_path)
    with pytest.raises(InputError, match=r"a.png: empty \(0 bytes\)"):
        read(saved(tmp_path, "a.png", b""))
    with pytest.raises(InputError, match=r"b.png: its first bytes are b'hell'"):
        read(saved(tmp_path, "b.png", b"hello"))


@pytest.mark.parametrize("name", [name for name in KINDS if name.endswith(".tif")])
def test_every_cut_of_a_tiff_is_an_error(tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]):
    """The library logs some of these instead of raising, and pads others with zeros."""
    with tifffile.TiffFile(saved(tmp_path, name, KINDS[name])) as file:
        page = file.pages[0]
        end = max(start + count for start, count in zip(page.dataoffsets, page.databytecounts, strict=True))
    for length in {1, 5, 9, 100, end // 2, end - 1}:
        with pytest.raises(InputError, match=name):
            read_image(saved(tmp_path, name, KINDS[name][:length]))
    assert capfd.readouterr().err == ""


@LOOSE
@given(data=st.data(), name=st.sampled_from(sorted(KINDS)))
def test_damaged_files_give_an_image_or_a_named_error(tmp_path: Path, data: st.DataObject, name: str):
    content = bytearray(KINDS[name])
    for place, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=12)
    ):
        content[place if data.draw(st.booleans()) else place % 200] = value  # headers lie at the start
    path = saved(tmp_path, name, bytes(content[: data.draw(st.integers(0, len(content)))] or content))
    for read in (read_image, image_size, read_label_map, lambda file: open_image(file).read(0, 0, 1, 1)):
        try:
            found = read(path)
        except InputError as error:
            assert str(path) in str(error) and error.hint
        else:
            if isinstance(found, torch.Tensor):
                assert found.shape[0] == 3 and found.min() >= 0 and found.max() <= 1
