"""Results in files: whole or not at all, never over another file, and clear words when there is no room."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
import zarr
from torch import Tensor, nn

from pixelwise.data import open_image
from pixelwise.dense import TiledModel, tiled
from pixelwise.dense.tiles.array_files import RawFile
from pixelwise.errors import InputError

IMAGE = torch.rand(3, 41, 50, generator=torch.Generator().manual_seed(0))
FORMATS = [".npy", ".tif", ".zarr"]


@pytest.fixture(scope="module")
def tiles() -> TiledModel:
    torch.manual_seed(0)
    return TiledModel(nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 3, padding=1)), tile=16)


def read(path: Path) -> np.ndarray:
    if path.suffix == ".zarr":
        return np.asarray(zarr.open_array(str(path), mode="r")[...])
    return np.load(path) if path.suffix == ".npy" else tifffile.imread(path)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("reduce", [None, "argmax", "top2"])
def test_files_hold_what_tensors_do(tiles: TiledModel, tmp_path: Path, suffix: str, reduce: str | None):
    path = tmp_path / "new" / f"result{suffix}"
    assert tiles.run(IMAGE, reduce, out=path) == path
    expected = tiles.run(IMAGE, reduce).numpy()
    found = read(path)
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected)
    assert list(path.parent.iterdir()) == [path]


def test_a_label_tiff_opens_as_an_image(tiles: TiledModel, tmp_path: Path):
    path = tiles.run(IMAGE, "argmax", out=str(tmp_path / "labels.tif"))
    labels = open_image(path).read(0, 0, 41, 50)[0] * 255
    assert torch.equal(labels.round().to(torch.uint8), tiles.run(IMAGE, "argmax"))


@pytest.mark.parametrize("size", [(1, 1), (1, 30), (40, 1)])
@pytest.mark.parametrize("suffix", FORMATS)
def test_thin_images_and_single_scores(tmp_path: Path, size: tuple[int, int], suffix: str):
    image, net = torch.rand(3, *size), nn.Conv2d(3, 1, 1)
    for reduce, name in ((None, "scores"), ("argmax", "labels")):
        path = tiled(net, image, tile=16, reduce=reduce, out=tmp_path / f"{name}{suffix}")
        assert np.array_equal(
            read(path).reshape(-1, *size), tiled(net, image, reduce=reduce).reshape(-1, *size).numpy()
        )


def test_several_results_from_one_pass(tiles: TiledModel, tmp_path: Path):
    expected = [tiles.run(IMAGE, name) for name in ("top2", "top2_probabilities")]
    found = tiles.run(IMAGE, ["top2", "top2_probabilities"])
    paths = tiles.run(IMAGE, ("top2", "top2_probabilities"), out=[tmp_path / "a.npy", tmp_path / "b.tif"])
    for tensor, path, other in zip(found, paths, expected, strict=True):
        assert torch.equal(tensor, other)
        assert np.array_equal(read(path), other.numpy())
    assert len(list(tmp_path.iterdir())) == 2


def test_zarr_chunks_belong_to_one_tile_each(tiles: TiledModel, tmp_path: Path):
    net = nn.Conv2d(3, 2, 1)
    image = np.zeros((3000, 2000, 3), np.uint8)
    stored = zarr.open_array(str(tiled(net, image, tile=1500, reduce="argmax", out=tmp_path / "a.zarr")), mode="r")
    assert stored.chunks == (750, 750)
    assert zarr.open_array(str(tiles.run(IMAGE, out=tmp_path / "b.zarr")), mode="r").chunks == (1, 16, 16)


def refused(tiles: TiledModel, **settings: object) -> str:
    with pytest.raises(InputError) as refusal:
        tiles.run(IMAGE, **settings)
    return str(refusal.value)


@pytest.mark.parametrize("suffix", FORMATS)
def test_existing_targets_are_refused_and_kept(tiles: TiledModel, tmp_path: Path, suffix: str):
    path = tmp_path / f"result{suffix}"
    path.write_text("precious")
    assert f"an out that does not exist yet, got {path}" in refused(tiles, out=path)
    assert path.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [path]
    part = tmp_path / f"other{suffix}.part"
    part.write_text("somebody else's")
    assert f"an out that does not exist yet, got {part}" in refused(tiles, out=tmp_path / f"other{suffix}")
    assert part.read_text() == "somebody else's"


def test_outs_that_cannot_be_used_are_named(tiles: TiledModel, tmp_path: Path):
    assert "out to end in .npy, .tif, .tiff, .zarr" in refused(tiles, out=tmp_path / "a.png")
    assert "out of shape (41, 50), got (41, 51)" in refused(tiles, reduce="argmax", out=np.zeros((41, 51)))
    assert "out that holds float32, got uint8" in refused(tiles, out=np.zeros((3, 41, 50), np.uint8))
    assert "out that holds float32, got torch.int64" in refused(tiles, out=torch.zeros(3, 41, 50, dtype=torch.int64))
    assert "2 outs, one per reduction, got 1" in refused(tiles, reduce=["argmax", "entropy"], out=[None])
    same = [tmp_path / "a.npy", tmp_path / "a.npy"]
    assert "a path of its own for each result" in refused(tiles, reduce=["argmax", "entropy"], out=same)
    mixed = [tmp_path / "a.npy", np.zeros((41, 50))]
    assert "a.npy, ndarray" in refused(tiles, reduce=["argmax", "entropy"], out=mixed)
    (tmp_path / "file").write_text("")
    assert "and the right to write there, got" in refused(tiles, out=tmp_path / "file" / "a.npy")
    assert "at least one reduction" in refused(tiles, reduce=[])
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_float16_array_may_hold_scores(tiles: TiledModel):
    out = np.zeros((3, 41, 50), np.float16)
    tiles.run(IMAGE, out=out)
    assert np.array_equal(out, tiles.run(IMAGE).numpy().astype(np.float16))


def test_too_little_room_is_said_before_the_work(tiles: TiledModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: Room)
    text = refused(tiles, out=tmp_path / "a.npy", progress=lambda done, total: pytest.fail("it computed"))
    assert "0.0 MB of room for" in text
    assert "0.0 MB free where 0.0 MB more are needed" in text


class Room:
    free = 5000


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_store_that_fills_up_goes_on_when_there_is_room(
    tiles: TiledModel, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
):
    path, calls = tmp_path / f"result{suffix}", []

    def full(handle: int) -> None:
        calls.append(handle)
        if len(calls) > 4:
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        text = refused(tiles, out=path)
    done = 2 if suffix != ".zarr" else 4  # a raw file is forced to disk as well as its journal
    assert f"MB of room for {path}, and the right to write there, got No space left on device; {done} of 12" in text
    assert "make room and repeat the same call, which continues" in text
    assert not path.exists()
    progress: list[int] = []
    noted = len((tmp_path / f"{path.name}.journal").read_text().splitlines()) - 1
    assert noted - done in (0, 1)  # the line that could not be forced to disk may be there, as its tile is
    runs = count_runs(tiles)
    assert tiles.run(IMAGE, out=path, progress=lambda now, total: progress.append(now)) == path
    assert len(runs) == 12 - noted
    assert progress == list(range(1, 13))
    assert np.array_equal(read(path), tiles.run(IMAGE).numpy())
    assert list(tmp_path.iterdir()) == [path]


def count_runs(tiles: TiledModel) -> list[Tensor]:
    """Grows with each tile that the network computes."""
    runs: list[Tensor] = []
    tiles.model.register_forward_pre_hook(lambda module, inputs: runs.append(inputs[0]))
    return runs


def test_a_file_that_appears_meanwhile_is_kept(tiles: TiledModel, tmp_path: Path):
    path = tmp_path / "a.npy"
    text = refused(tiles, out=path, progress=lambda done, total: path.write_text("precious"))
    assert "an out that does not exist yet" in text
    assert path.read_text() == "precious"
    path.unlink()
    assert np.array_equal(read(tiles.run(IMAGE, out=path)), tiles.run(IMAGE).numpy())


def test_large_tiffs_have_wide_offsets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pixelwise.dense.tiles.array_files.LARGEST_TIFF", 100)
    file = RawFile(tmp_path / "a.tif", (20, 30), np.uint8, tiff=True)
    file.create()
    file.write(slice(3, 5), slice(7, 10), np.full((2, 3), 9, np.uint8))
    with tifffile.TiffFile(tmp_path / "a.tif") as opened:
        assert opened.is_bigtiff
        assert opened.asarray().sum() == 54
        assert opened.asarray()[3:5, 7:10].sum() == 54
