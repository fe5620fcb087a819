"""A job that was killed goes on where it was, and ends with the same bytes."""

import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from pixelwise.dense import TiledModel
from pixelwise.errors import InputError
from references.separate_processes import run_python

JOB = """
import os, signal, sys
import torch
from torch import nn
from pixelwise.dense import TiledModel

torch.set_num_threads(2)
torch.manual_seed(0)
net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 3, padding=1))
image = torch.rand(3, 61, 50, generator=torch.Generator().manual_seed(1))
path, stop = sys.argv[2], int(sys.argv[1])
sync, calls = os.fsync, []

def fsync(handle):
    calls.append(handle)
    if len(calls) == stop:
        os.kill(os.getpid(), signal.SIGKILL)
    sync(handle)

os.fsync = fsync
tiles = TiledModel(net, tile=16)
tiles.run(image, ["argmax", "probabilities"], out=[path, path.replace("labels", "shares")])
"""
"""A job whose process kills itself while it forces the n-th thing to disk."""


def tiles_of(seed: int = 0, tile: int = 16) -> TiledModel:
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 3, padding=1))
    return TiledModel(net, tile=tile)


def image_of(seed: int = 1) -> torch.Tensor:
    return torch.rand(3, 61, 50, generator=torch.Generator().manual_seed(seed))


def content(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


# With two raw files each tile forces three things to disk, so that the eleventh is the second file of tile 3. Of Zarr
# stores it is the journal's line of tile 10, which is in the file by then.
@pytest.mark.parametrize(("name", "done"), [("labels.npy", 3), ("labels.tif", 3), ("labels.zarr", 11)])
def test_a_killed_job_ends_with_the_same_bytes(tmp_path: Path, name: str, done: int):
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    assert run_python(JOB, 11, killed / name).returncode == -signal.SIGKILL
    assert len((killed / f"{name}.journal").read_text().splitlines()) - 1 == done
    assert not (killed / name).exists()
    tiles = tiles_of()
    runs: list[int] = []
    tiles.model.register_forward_hook(lambda *_: runs.append(1))
    for folder, computed in ((killed, 16 - done), (whole, 16)):
        outs = [folder / name, folder / name.replace("labels", "shares")]
        runs.clear()
        assert tiles.run(image_of(), ["argmax", "probabilities"], out=outs) == outs
        assert len(runs) == computed
        assert sorted(folder.iterdir()) == outs
    assert content(killed) == content(whole)


def interrupted(path: Path, tiles: TiledModel, image: torch.Tensor, after: int = 5, **settings: object) -> None:
    def stop(done: int, total: int) -> None:
        if done == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tiles.run(image, "argmax", out=path, progress=stop, **settings)


@pytest.mark.parametrize(
    ("change", "name", "advice"),
    [
        ({"tiles": tiles_of(seed=1)}, "model", "build the same model with the same weights"),
        ({"image": image_of(2)}, "image", "pass the same image"),
        ({"tiles": tiles_of(tile=20)}, "plan", "pass the same memory and tile"),
        ({"reduce": "entropy"}, "results", "pass the same reduce, mask and fill"),
        ({"mask": np.ones((2, 2), bool)}, "results", "pass the same reduce, mask and fill"),
    ],
)
def test_the_journal_of_another_job_is_refused(tmp_path: Path, change: dict[str, object], name: str, advice: str):
    path, journal = tmp_path / "labels.npy", tmp_path / "labels.npy.journal"
    interrupted(path, tiles_of(), image_of())
    before = content(tmp_path)
    tiles = change.pop("tiles", None) or tiles_of()
    settings = {"image": image_of(), "reduce": "argmax", **change}
    with pytest.raises(InputError) as refusal:
        tiles.run(out=path, **settings)
    text = str(refusal.value)
    assert text.startswith(f"wanted the job begun in {journal}, with {name} ")
    assert f", got {name} " in text
    assert text.endswith(f"hint: {advice}, or delete {journal} to begin anew")
    assert content(tmp_path) == before


def test_after_deleting_the_journal_the_part_must_go_too(tmp_path: Path):
    path = tmp_path / "labels.npy"
    interrupted(path, tiles_of(), image_of())
    (tmp_path / "labels.npy.journal").unlink()
    with pytest.raises(InputError, match=r"labels\.npy\.part"):
        tiles_of().run(image_of(), "argmax", out=path)


def test_strange_journals_are_refused_and_torn_lines_do_not_count(tmp_path: Path):
    path, journal = tmp_path / "labels.npy", tmp_path / "labels.npy.journal"
    expected = tiles_of().run(image_of(), "argmax").numpy()
    for text in ("", "nonsense", "[1]", '{"format": "pixelwise tiles 0"}'):
        journal.write_text(text)
        with pytest.raises(InputError, match="a journal of tiles"):
            tiles_of().run(image_of(), "argmax", out=path)
    journal.unlink()
    interrupted(path, tiles_of(), image_of())
    with journal.open("a") as file:
        file.write("1")  # of a line "12"
    assert np.array_equal(np.load(tiles_of().run(image_of(), "argmax", out=path)), expected)


def test_a_lost_part_begins_anew(tmp_path: Path):
    path = tmp_path / "labels.npy"
    interrupted(path, tiles_of(), image_of())
    (tmp_path / "labels.npy.part").unlink()
    done = tiles_of().run(image_of(), "argmax", out=path)
    assert np.array_equal(np.load(done), tiles_of().run(image_of(), "argmax").numpy())


def test_a_job_killed_between_its_two_names_ends_at_the_next_call(tmp_path: Path):
    outs = [tmp_path / "a.npy", tmp_path / "b.npy"]
    tiles = tiles_of()
    interrupted_pair(tiles, outs)
    (tmp_path / "a.npy.part").rename(outs[0])
    assert tiles.run(image_of(), ["argmax", "entropy"], out=outs) == outs
    assert np.array_equal(np.load(outs[1]), tiles.run(image_of(), "entropy").numpy())
    assert sorted(tmp_path.iterdir()) == outs


def interrupted_pair(tiles: TiledModel, outs: list[Path]) -> None:
    """Stops after the last tile, before the files get their names."""

    def stop(done: int, total: int) -> None:
        if done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tiles.run(image_of(), ["argmax", "entropy"], out=outs, progress=stop)
