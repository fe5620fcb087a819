"""How images are cut, and what that is said to cost."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from pixelwise.dense import TiledModel, tiled
from pixelwise.errors import InputError
from pixelwise.models import UNet


def test_the_plan_says_what_it_costs():
    net = UNet(3, width=2, depth=1)
    plan = TiledModel(net, tile=16).plan((32, 32))
    assert plan.tiles == 4
    assert str(plan).startswith("4 tiles of 16x16, halo 8, recompute 2.25x, peak about ")
    assert plan.recompute == pytest.approx(((16 + 8) / 16) ** 2)
    assert plan.window == (24, 24)
    assert str(replace(plan, seconds=200.0)).endswith(", about 3 min")
    assert TiledModel(net, tile=32).plan((32, 32)).recompute == 1


def test_a_budget_too_small_names_the_least():
    net = nn.Sequential(nn.Conv2d(3, 8, 5, padding=2), nn.Conv2d(8, 2, 5, padding=2))
    with pytest.raises(InputError) as refusal:
        tiled(net, torch.rand(3, 100, 100), memory="1KB")
    text = str(refusal.value)
    assert "a memory budget of at least" in text
    assert "got 0.001 MB" in text
    assert "MB, which the smallest tile takes" in text
    least = text.rpartition('memory="')[2].partition('"')[0]
    assert tiled(net, torch.rand(3, 100, 100), memory=least).shape == (2, 100, 100)


def test_both_axes_are_cut_evenly():
    tiles = TiledModel(nn.Conv2d(3, 4, 3, padding=1), memory="2MB")
    plan = tiles.plan((1000, 310))
    heights, widths = ({span.stop - span.start for span in axis} for axis in (plan.rows, plan.columns))
    assert max(heights) - min(heights) < len(plan.rows)
    assert max(widths) - min(widths) < len(plan.columns)
    assert plan.bytes <= 2_000_000
