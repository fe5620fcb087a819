"""Flying shapes as a folder and as a data set: the same pairs, whoever makes them and in whatever order."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from pixelwise.data.flow import FlowPair, open_flow, read_pair
from pixelwise.data.flying import FlyingPairs, Recipe, draw_frames, write_flying
from pixelwise.data.flying.scene import draw_scene
from pixelwise.errors import InputError

RECIPE = Recipe((40, 48), objects=(2, 4))


def equal(first: FlowPair, second: FlowPair) -> bool:
    parts = ("image", "second", "flow", "valid", "occluded")
    return all(torch.equal(getattr(first, part), getattr(second, part)) for part in parts)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flying") / "data"
    write_flying(folder, RECIPE, pairs=10, seed=7)
    return folder


def test_the_folder_holds_the_pairs_of_the_data_set(written: Path) -> None:
    folder, pairs = open_flow(written), FlyingPairs(RECIPE, seed=7, pairs=10)
    assert folder.layout == "pairs"
    assert {split: len(folder.only(split).items) for split in folder.splits} == {"train": 7, "val": 1, "test": 2}
    for item, pair in zip(folder.items, pairs, strict=True):
        assert equal(read_pair(item), pair)


def test_a_pair_depends_on_seed_and_index_alone() -> None:
    whole = [draw_frames(RECIPE, 1, index) for index in range(3)]
    again = draw_frames(RECIPE, 1, 2)
    assert torch.equal(again.image, whole[2].image)
    assert torch.equal(again.flow, whole[2].flow)
    assert not torch.equal(draw_frames(RECIPE, 2, 2).image, whole[2].image)
    assert not torch.equal(whole[0].image, whole[1].image)


def test_workers_make_the_same_pairs() -> None:
    pairs = FlyingPairs(RECIPE, seed=3, pairs=4)
    loader: DataLoader[FlowPair] = DataLoader(pairs, batch_size=None, num_workers=2)
    assert all(equal(ours, theirs) for ours, theirs in zip(pairs, loader, strict=True))


def test_a_stopped_run_goes_on(written: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"

    def stop(done: int, total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_flying(folder, RECIPE, pairs=10, seed=7, progress=stop)
    assert not (folder / "splits.csv").exists()
    (folder / "occlusion" / "000003.png").unlink()
    write_flying(folder, RECIPE, pairs=10, seed=7)
    files = sorted(path.relative_to(written) for path in written.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert all((folder / file).read_bytes() == (written / file).read_bytes() for file in files)


def test_a_folder_of_other_settings_is_refused(written: Path, tmp_path: Path) -> None:
    (tmp_path / "flying.json").write_bytes((written / "flying.json").read_bytes())
    with pytest.raises(InputError, match=r"motion 1\.0 instead of 2"):
        write_flying(tmp_path, Recipe((40, 48), objects=(2, 4), motion=2), pairs=10, seed=7)
    with pytest.raises(InputError, match="pairs 10 instead of 11"):
        write_flying(tmp_path, RECIPE, pairs=11, seed=7)
    with pytest.raises(InputError, match="which is complete"):
        write_flying(written, RECIPE, pairs=10, seed=7)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"size": (16, 64)}, "wanted size as 32..4096, got (16, 64)"),
        ({"size": (64, 5000)}, "wanted size as 32..4096, got (64, 5000)"),
        ({"objects": (5, 3)}, "wanted objects as fewest and most in 0..250, got (5, 3)"),
        ({"objects": (0, 251)}, "got (0, 251)"),
        ({"motion": -1}, "wanted motion as a factor in 0..4, got -1"),
        ({"motion": float("nan")}, "got nan"),
    ],
)
def test_settings_out_of_range_are_named(settings: dict[str, object], text: str) -> None:
    with pytest.raises(InputError) as caught:
        Recipe(**settings)
    assert text in str(caught.value)


@pytest.mark.parametrize("pairs", [0, 1_000_000])
def test_an_impossible_number_of_pairs_is_named(tmp_path: Path, pairs: int) -> None:
    with pytest.raises(InputError, match=f"1..999999 pairs, got {pairs}"):
        write_flying(tmp_path / "data", RECIPE, pairs, seed=0)
    assert not (tmp_path / "data").exists()


def test_a_negative_seed_is_named() -> None:
    with pytest.raises(InputError, match="a whole number from 0 on for seed, got -1"):
        draw_frames(RECIPE, -1)


def test_smaller_pictures_move_proportionally_less() -> None:
    large, small = (draw_scene(Recipe(size), np.random.default_rng(5)) for size in ((192, 256), (96, 128)))
    for big, little in zip(large, small, strict=True):
        assert little.motion.factor == pytest.approx(big.motion.factor)
        assert little.motion.shift == pytest.approx(big.motion.shift / 2)
    assert len(large) > 5
