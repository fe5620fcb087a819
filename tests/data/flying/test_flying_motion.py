"""How far flying shapes move: by the laws as they are written, and as the released chairs do."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import norm

from pixelwise.data.flow import open_flow, read_pair
from pixelwise.data.flying import Recipe
from pixelwise.data.flying.laws import BACKGROUND, OBJECT, Law
from pixelwise.data.flying.paint import signed_distance
from pixelwise.data.flying.scene import draw_scene

DRAWS = 200_000


@pytest.mark.parametrize("law", [BACKGROUND.way, BACKGROUND.turn, OBJECT.way, OBJECT.turn])
def test_draws_follow_the_law(law: Law) -> None:
    values = law.draw(np.random.default_rng(0), DRAWS)
    assert values.min() == law.low
    assert values.max() == law.high
    still = np.mean(values == 0)
    assert still == pytest.approx(1 - law.chance, abs=0.005)
    moving = np.abs(values[values != 0])
    # |g| ** power is below x exactly where |g| is below its root.
    for share in (0.25, 0.5, 0.9):
        wanted = min((law.spread * norm.ppf((1 + share) / 2)) ** law.power, law.high)
        assert np.quantile(moving, share) == pytest.approx(wanted, rel=0.05)
    reached = 2 * norm.sf(law.high ** (1 / law.power) / law.spread)
    assert np.mean(moving == law.high) == pytest.approx(reached, abs=0.005)
    assert abs(values.mean()) < 5 * values.std() / DRAWS**0.5


@pytest.mark.parametrize("law", [BACKGROUND.zoom, OBJECT.zoom])
def test_zooms_lie_about_1(law: Law) -> None:
    values = law.draw(np.random.default_rng(0), DRAWS)
    assert np.mean(values == 1) == pytest.approx(1 - law.chance, abs=0.005)
    assert values.min() == law.low
    assert values.max() == law.high
    assert values.mean() == pytest.approx(1, abs=0.002)


def lengths(recipe: Recipe, seed: int) -> torch.Tensor:
    """Lengths of motion at every sixteenth pixel of a scene, which need no colours."""
    scene = draw_scene(recipe, np.random.default_rng(seed))
    x, y = torch.meshgrid(torch.arange(0, 512, 16) + 0.5, torch.arange(0, 384, 16) + 0.5, indexing="xy")
    places = torch.complex(x.double(), y.double())
    moved = places
    for layer in scene:
        factor, shift = layer.first.inverse
        own = torch.view_as_real(places * factor + shift).float().contiguous()
        shown = torch.tensor(True) if layer.outline is None else signed_distance(layer, layer.first, own) < 0
        moved = torch.where(shown, places * layer.motion.factor + layer.motion.shift, moved)
    return (moved - places).abs()


@pytest.mark.data
def test_the_released_chairs_would_not_stand_out_among_sixty_scenes(real_data: Path) -> None:
    ours = [lengths(Recipe(), seed) for seed in range(60)]
    for item in open_flow(real_data / "flyingchairs_examples").items:
        theirs = read_pair(item).flow.norm(dim=0)
        for name, measure in (
            ("mean", torch.mean),
            ("median", torch.median),
            ("95 %", lambda one: one.double().flatten().quantile(0.95)),
            ("largest", torch.amax),
        ):
            all_ours = [float(measure(one)) for one in ours]
            assert min(all_ours) < float(measure(theirs)) < max(all_ours), f"{item.name}: {name}"
