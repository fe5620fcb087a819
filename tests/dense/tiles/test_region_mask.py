"""Only the wanted part of an image."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pixelwise.dense import TiledModel
from pixelwise.dense.tiles.region_mask import RegionMask
from pixelwise.errors import InputError


class Counting(nn.Module):
    """Two convolutions that count how often they run on images of numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 3, padding=1))
        self.runs = 0

    def forward(self, images: Tensor) -> Tensor:
        self.runs += not images.is_meta
        return self.layers(images)


@pytest.fixture(scope="module")
def tiles() -> TiledModel:
    torch.manual_seed(0)
    return TiledModel(Counting(), tile=10)


IMAGE = torch.rand(3, 40, 60, generator=torch.Generator().manual_seed(1))


def test_wanted_pixels_are_the_whole_images_and_others_the_fill(tiles: TiledModel):
    mask = torch.zeros(40, 60, dtype=torch.bool)
    mask[3:15, 7:22] = True
    whole = tiles.run(IMAGE)
    tiles.model.runs = 0
    scores = tiles.run(IMAGE, mask=mask)
    assert tiles.model.runs == 6  # rows 0 to 19, columns 0 to 29
    assert torch.equal(scores, torch.where(mask, whole, 0.0))
    labels = tiles.run(IMAGE, "argmax", mask=mask.numpy())
    assert torch.equal(labels, torch.where(mask, whole.argmax(0), 255).to(torch.uint8))
    assert tiles.run(IMAGE, "argmax", mask=mask, fill=7)[~mask].eq(7).all()
    assert tiles.run(IMAGE, "entropy", mask=mask, fill=-1)[~mask].eq(-1).all()


def test_a_coarse_mask_says_the_same_as_its_enlargement(tiles: TiledModel):
    coarse = torch.zeros(4, 6, dtype=torch.bool)
    coarse[1, 2] = coarse[3, 5] = True
    full = coarse.repeat_interleave(10, 0).repeat_interleave(10, 1)
    tiles.model.runs = 0
    scores = tiles.run(IMAGE, mask=coarse)
    assert tiles.model.runs == 2
    assert torch.equal(scores, tiles.run(IMAGE, mask=full))


def test_an_empty_mask_computes_nothing_and_is_no_nan(tiles: TiledModel):
    tiles.model.runs = 0
    scores = tiles.run(IMAGE, "probabilities", mask=torch.zeros(4, 6, dtype=torch.bool))
    assert tiles.model.runs == 0
    assert scores.eq(0).all()


def test_not_a_number_outside_is_filled(tiles: TiledModel):
    spoilt = IMAGE.clone()
    spoilt[:, 5, 5] = torch.nan
    mask = torch.zeros(40, 60, dtype=torch.bool)
    mask[8:, 8:] = True  # the two convolutions carry NaN to 7
    assert tiles.run(spoilt, mask=mask).isfinite().all()


def test_cells_of_a_thumbnail_with_rounded_sides():
    # 100 rows over 3 cells: centres 0.5 to 33.5 (33.33 is the first border) fall into the first.
    mask = RegionMask(np.array([[True, False], [False, False], [False, True]]), (100, 66))
    rows, columns = mask.of((0, 100), (0, 66))[:, 0], mask.of((0, 100), (0, 66))[99]
    assert int(rows.sum()) == 33
    assert int(columns.sum()) == 33
    assert torch.equal(mask.of((30, 70), (20, 40)), mask.of((0, 100), (0, 66))[30:70, 20:40])


def test_masks_that_do_not_fit_are_refused(tiles: TiledModel):
    for mask, text in (
        (torch.ones(40, 60), "torch.float32 of shape (40, 60)\nhint: pass mask > 0"),
        (torch.ones(1, 40, 60, dtype=torch.bool), "of shape (1, 40, 60)"),
        (np.ones((60, 40), bool), "or coarser in both directions alike, got 60x40"),
        (np.ones((6, 4), bool), "or coarser in both directions alike, got 6x4"),
        (np.ones((80, 120), bool), "got 80x120"),
        (np.ones((0, 6), bool), "bool of shape (0, 6)"),
    ):
        with pytest.raises(InputError) as refusal:
            tiles.run(IMAGE, mask=mask)
        assert text in str(refusal.value)
    for fill in (-1, 256, 0.5, float("nan")):
        with pytest.raises(InputError, match="a fill value that is a class index"):
            tiles.run(IMAGE, "argmax", mask=np.ones((4, 6), bool), fill=fill)


def test_digests_tell_masks_apart(tmp_path: Path):
    mask = np.zeros((40, 60), bool)
    other = mask.copy()
    other[39, 59] = True
    assert RegionMask(mask, (40, 60)).digest() == RegionMask(torch.from_numpy(mask), (40, 60)).digest()
    assert RegionMask(mask, (40, 60)).digest() != RegionMask(other, (40, 60)).digest()
    assert RegionMask(mask, (40, 60)).digest() != RegionMask(mask.reshape(60, 40), (60, 40)).digest()


def test_the_plan_counts_wanted_tiles_only(monkeypatch: pytest.MonkeyPatch):
    plans: list[str] = []
    tiles = TiledModel(nn.Conv2d(3, 2, 1), tile=256, announce=lambda plan: plans.append(str(plan)))
    image = np.zeros((2048, 1024, 3), np.uint8)
    tiles.run(image, "argmax", mask=np.ones((8, 4), bool))
    assert plans[0].startswith("32 tiles of 256x256, halo 0, recompute 1.00x, peak about ")
    assert ", about " in plans[0].removeprefix("32 tiles of 256x256, halo 0, recompute 1.00x, peak about ")
    tiles.run(image, "argmax", mask=np.zeros((8, 4), bool))
    assert plans[1].endswith("about 1 s")
