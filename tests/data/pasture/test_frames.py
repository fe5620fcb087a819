"""Textures are attached to what they lie on: a world moved by whole pixels is the same picture, moved."""

import numpy as np
import pytest

from pixelwise.data.pasture.bodies import Place, pose
from pixelwise.data.pasture.frames import Frame, paint_frame
from pixelwise.data.pasture.knobs import BACKGROUNDS, Knobs
from pixelwise.data.pasture.world import World, draw_world

SIZE = 96


def scene(background: str, words: float) -> tuple[Knobs, World]:
    shares = tuple(float(name == background) for name in BACKGROUNDS)
    knobs = Knobs(size=(SIZE, SIZE), backgrounds=shares, objects=(3, 3), words=words)  # type: ignore[arg-type]
    return knobs, draw_world(knobs, np.random.default_rng(1), np.random.default_rng(2))


def painted(knobs: Knobs, world: World, way: tuple[float, float]) -> Frame:
    """The world with everything in it moved the same way."""
    bodies = tuple(pose(animal, BACKGROUNDS[world.background] == "water") for animal in world.animals)
    return paint_frame(knobs, world, bodies, tuple(Place(body.pivot, way, 0.0) for body in bodies), way)


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_a_world_moved_by_whole_pixels_is_the_same_picture_moved(background: str) -> None:
    knobs, world = scene(background, words=1.0)
    still, moved = painted(knobs, world, (0.0, 0.0)), painted(knobs, world, (3.0, -2.0))
    np.testing.assert_allclose(moved.canvas[:, :-2, 3:], still.canvas[:, 2:, :-3], atol=2e-3)
    assert (moved.order[:-2, 3:] == still.order[2:, :-3]).mean() > 0.9995


def test_colours_stay_between_black_and_a_little_above_white() -> None:
    for background in BACKGROUNDS:
        canvas = painted(*scene(background, words=1.0), (0.0, 0.0)).canvas
        assert canvas.min() >= 0
        assert canvas.max() < 1.3


def test_animals_stand_in_water_up_to_a_line() -> None:
    """The same herd on land shows its hooves, which the water hides."""
    lowest = []
    for background in ("water", "road"):
        knobs, world = scene(background, words=0.0)
        lowest.append(np.flatnonzero((painted(knobs, world, (0.0, 0.0)).order == 3).any(axis=1)).max())
    assert lowest[0] < lowest[1]


def test_a_large_picture_painted_in_bands_has_no_seams() -> None:
    _, world = scene("pasture", words=0.0)
    tall = Knobs(size=(2048, SIZE), reference=SIZE, objects=(0, 0))
    whole = paint_frame(tall, world, (), (), (0.0, 0.0)).canvas
    steps = np.abs(np.diff(whole, axis=1)).mean(axis=(0, 2))
    assert steps[200:].max() < 4 * np.median(steps[200:])
