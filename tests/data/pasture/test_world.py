"""The frequencies that the knobs promise, by counting scenes before they are painted."""

import numpy as np
import pytest

from pixelwise.data.pasture.knobs import BACKGROUNDS, HOME, SPECIES, Knobs
from pixelwise.data.pasture.world import World, draw_world

SCENES = 1500
TOLERANCE = 0.055
"""Four standard deviations of a share of 0.5 among 1500 scenes, two and a half of one among 500."""


def worlds(knobs: Knobs, count: int = SCENES) -> list[World]:
    return [
        draw_world(knobs, np.random.default_rng([index, 0]), np.random.default_rng([index, 1]))
        for index in range(count)
    ]


def joint(scenes: list[World]) -> np.ndarray:
    """Share of each (species, background) among all animals."""
    table = np.zeros((len(SPECIES), len(BACKGROUNDS)))
    for world in scenes:
        for animal in world.animals:
            table[animal.species, world.background] += 1
    return table / table.sum()


@pytest.mark.parametrize("correlation", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("objects", [(1, 1), (3, 3)])
def test_every_animal_follows_the_joint_law_of_the_docstring(correlation: float, objects: tuple[int, int]) -> None:
    classes, backgrounds = (0.4, 0.3, 0.2, 0.1), (1.0, 2.0, 1.0, 2.0, 2.0)
    knobs = Knobs(correlation=correlation, objects=objects, classes=classes, backgrounds=backgrounds)
    expected = np.zeros((4, 5))
    for species in range(4):
        for background in range(5):
            at_home = HOME[species] == background
            expected[species, background] = classes[species] * (
                correlation * at_home + (1 - correlation) * backgrounds[background] / 8
            )
    np.testing.assert_allclose(joint(worlds(knobs)), expected, atol=0.035)


def test_full_correlation_puts_every_animal_at_home() -> None:
    for world in worlds(Knobs(correlation=1.0, objects=(1, 5)), 300):
        assert {HOME[animal.species] for animal in world.animals} == {world.background}


def test_animals_of_a_scene_are_independent_without_correlation() -> None:
    pairs = [[animal.species for animal in world.animals] for world in worlds(Knobs(objects=(2, 2)))]
    same = np.mean([first == second for first, second in pairs])
    assert abs(same - 0.25) < TOLERANCE


def test_a_species_of_frequency_zero_never_appears() -> None:
    knobs = Knobs(classes=(0.0, 1.0, 0.0, 1.0), backgrounds=(0.0, 0.0, 1.0, 0.0, 0.0), objects=(1, 4))
    scenes = worlds(knobs, 300)
    assert {animal.species for world in scenes for animal in world.animals} == {1, 3}
    assert {world.background for world in scenes} == {2}


def test_dark_fur_has_its_own_frequency_for_each_species() -> None:
    wanted = (0.0, 0.1, 0.5, 1.0)
    animals = [animal for world in worlds(Knobs(dark_fur=wanted, objects=(3, 3))) for animal in world.animals]
    found = [np.mean([animal.dark for animal in animals if animal.species == species]) for species in range(4)]
    np.testing.assert_allclose(found, wanted, atol=TOLERANCE)
    assert found[0] == 0
    assert found[3] == 1


def test_ranges_are_kept_and_used_to_their_ends() -> None:
    knobs = Knobs(objects=(1, 3), scale=(0.2, 0.5), light=(0.3, 0.9), motion=(2.0, 5.0), camera=(1.0, 2.0), turn=10.0)
    scenes = worlds(knobs, 500)
    animals = [animal for world in scenes for animal in world.animals]
    for values, low, high in (
        ([len(world.animals) for world in scenes], 1, 3),
        ([animal.length / 128 for animal in animals], 0.2, 0.5),
        ([world.light for world in scenes], 0.3, 0.9),
        ([np.hypot(*animal.way) for animal in animals], 2, 5),
        ([np.hypot(*world.pan) for world in scenes], 1, 2),
        ([np.rad2deg(animal.turn) for animal in animals], -10, 10),
    ):
        slack = 0.02 * (high - low)
        assert low - 1e-9 <= min(values) <= low + slack
        assert high - slack <= max(values) <= high + 1e-9


@pytest.mark.parametrize("agreement", [0.0, 0.75, 1.0])
def test_words_appear_and_agree_as_often_as_asked(agreement: float) -> None:
    scenes = worlds(Knobs(objects=(1, 1), words=0.4, word_agreement=agreement))
    signs = [world for world in scenes if world.word is not None]
    assert abs(len(signs) / len(scenes) - 0.4) < TOLERANCE
    agree = np.mean([world.word == SPECIES[world.animals[0].species] for world in signs])
    assert abs(agree - agreement) < TOLERANCE
    assert {world.word for world in signs} == set(SPECIES)


def test_one_knob_changes_one_thing() -> None:
    plain, other = (worlds(knobs, 30) for knobs in (Knobs(), Knobs(light=(1.2, 1.3), words=1.0)))
    assert [(w.animals, w.background, w.pan) for w in plain] == [(w.animals, w.background, w.pan) for w in other]
    assert all(1.2 <= world.light <= 1.3 and world.word for world in other)


def test_animals_stand_on_the_ground_and_in_the_picture() -> None:
    for knobs in (Knobs(size=(32, 32)), Knobs(size=(1024, 64)), Knobs(size=(64, 1024)), Knobs(reference=512)):
        for world in worlds(knobs, 100):
            for animal in world.animals:
                x, y = animal.feet
                assert 0 <= x <= knobs.size[1]
                assert y <= knobs.size[0]
