"""Pictures and truth belong together: every kind of truth is checked against another or against its definition."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pixelwise.data.pasture import BACKGROUNDS, CLASSES, Knobs, Scene, render
from pixelwise.errors import InputError
from references.warp_back import warp_back

STILL = {"motion": (0.0, 0.0), "camera": (0.0, 0.0), "turn": 0.0, "noise": 0.0}


def same(first: Scene, second: Scene) -> bool:
    """Whether two scenes are equal to the last bit."""
    names = ("image", "second", "labels", "instances", "boxes", "classes", "flow", "occlusion")
    arrays = all(getattr(first, name).tobytes() == getattr(second, name).tobytes() for name in names)
    return arrays and (first.caption, first.attributes, first.animals) == (
        second.caption,
        second.attributes,
        second.animals,
    )


def rims(instances: np.ndarray, width: int) -> np.ndarray:
    """Pixels with another instance at most `width` pixels away: interpolation mixes colours there."""
    near = np.zeros(instances.shape, dtype=np.bool_)
    padded = np.pad(instances, width, mode="edge")
    height, length = instances.shape
    for down in range(2 * width + 1):
        for across in range(2 * width + 1):
            near |= padded[down : down + height, across : across + length] != instances
    return near


def test_the_same_arguments_give_the_same_bytes_in_any_order() -> None:
    knobs = Knobs(size=(64, 80), words=0.5)
    forward = [render(knobs, 7, index) for index in range(6)]
    backward = [render(knobs, 7, index) for index in (5, 4, 3, 2, 1, 0)][::-1]
    assert all(same(first, second) for first, second in zip(forward, backward, strict=True))
    assert len({scene.image.tobytes() for scene in forward}) == 6
    assert not same(render(knobs, 8, 0), forward[0])


@pytest.mark.parametrize("size", [(32, 32), (1024, 64), (64, 1024), (33, 47), (128, 128)])
def test_every_size_has_truth_of_its_size(size: tuple[int, int]) -> None:
    scene = render(Knobs(size=size), 1, 0)
    assert scene.image.shape == scene.second.shape == (*size, 3)
    assert scene.labels.shape == scene.instances.shape == scene.occlusion.shape == scene.flow.shape[:2] == size
    assert len(scene.boxes) == len(scene.classes) == len(scene.animals) > 0
    assert scene.image.std() > 5


def test_a_larger_picture_shows_the_same_scene() -> None:
    small, large = (render(Knobs(size=(side, side), noise=0.0), 2, 5) for side in (128, 384))
    shrunk = large.image.reshape(128, 3, 128, 3, 3).mean(axis=(1, 3))
    assert np.abs(shrunk - small.image).mean() < 8
    assert (large.labels[1::3, 1::3] == small.labels).mean() > 0.99


def test_labels_instances_boxes_and_areas_agree() -> None:
    hidden = 0
    for index in range(60):
        scene = render(Knobs(size=(64, 64), objects=(0, 9), scale=(0.1, 0.8)), 3, index)
        ids = np.unique(scene.instances[scene.instances > 0])
        assert ids.tolist() == list(range(1, len(scene.boxes) + 1))
        np.testing.assert_array_equal(np.array([0, *scene.classes])[scene.instances], scene.labels)
        for number, (box, animal) in enumerate(zip(scene.boxes, scene.animals, strict=True), start=1):
            rows, columns = np.nonzero(scene.instances == number)
            assert box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert animal.area == len(rows)
            assert CLASSES[scene.classes[number - 1]] == animal.species
        hidden += scene.attributes["count"] != len(scene.boxes)
    assert hidden == 0


def test_a_scene_without_animals_is_background_only() -> None:
    scene = render(Knobs(size=(48, 48), objects=(0, 0), words=1.0), 0, 3)
    assert scene.boxes.shape == (0, 4)
    assert scene.classes.shape == (0,)
    assert scene.labels.max() == scene.instances.max() == 0
    assert scene.caption.startswith("no animal ")
    assert scene.attributes["species"] == scene.attributes["fur"] == scene.attributes["size"] == "none"
    assert scene.attributes["word_agrees"] == "no"


def test_frame_two_pulled_back_by_the_flow_is_frame_one() -> None:
    knobs = Knobs(size=(96, 96), motion=(2.0, 7.0), camera=(1.0, 4.0), noise=0.0, objects=(2, 4))
    for index in range(6):
        scene = render(knobs, 4, index)
        error = np.abs(warp_back(scene.second, scene.flow) - scene.image).mean(axis=2)
        inside = ~scene.occlusion & ~rims(scene.instances, 2) & ~rims(scene.occlusion.astype(np.uint8), 2)
        unmoved = np.abs(scene.second.astype(float) - scene.image).mean(axis=2)
        assert inside.mean() > 0.5
        # Linear interpolation of grass, letters and eyes: a level or two of 255 on average, seldom more than 20.
        assert error[inside].mean() < 2.0
        assert np.quantile(error[inside], 0.99) < 25
        assert error[inside].mean() < 0.3 * unmoved[inside].mean()


def test_a_still_world_has_no_flow_and_equal_frames() -> None:
    scene = render(Knobs(size=(64, 64), **STILL), 5, 0)
    assert scene.image.tobytes() == scene.second.tobytes()
    assert not scene.occlusion.any()
    np.testing.assert_allclose(scene.flow, 0, atol=1e-9)


def test_background_flow_is_the_same_everywhere_and_as_long_as_asked() -> None:
    scene = render(Knobs(size=(64, 64), camera=(3.0, 3.0)), 6, 1)
    ground = scene.flow[scene.instances == 0]
    assert np.ptp(ground, axis=0).max() == 0
    assert np.hypot(*ground[0]) == pytest.approx(3.0, rel=1e-5)


def test_an_animal_that_does_not_turn_has_one_flow() -> None:
    scene = render(Knobs(size=(64, 64), motion=(5.0, 5.0), turn=0.0, objects=(1, 1)), 6, 2)
    own = scene.flow[scene.instances == 1]
    np.testing.assert_allclose(own, np.broadcast_to(own.mean(axis=0), own.shape), atol=1e-5)
    assert np.hypot(*own[0]) == pytest.approx(5.0, rel=1e-5)


def test_a_turning_animal_keeps_distances() -> None:
    """The flow of an animal is a turn and a shift: points stay as far from each other as they were."""
    scene = render(Knobs(size=(64, 64), turn=20.0, objects=(1, 1), scale=(0.6, 0.6)), 6, 3)
    rows, columns = np.nonzero(scene.instances == 1)
    before = np.stack([columns, rows], axis=1) + 0.5
    after = before + scene.flow[rows, columns]
    pairs = np.random.default_rng(0).integers(0, len(rows), (200, 2))
    lengths = [np.hypot(*(points[pairs[:, 0]] - points[pairs[:, 1]]).T) for points in (before, after)]
    np.testing.assert_allclose(lengths[0], lengths[1], atol=1e-4)
    assert np.ptp(scene.flow[rows, columns], axis=0).max() > 0.1


def test_occlusion_follows_its_definition() -> None:
    """What leaves the picture is occluded; what else is occluded lies where the animal comes to in frame 2."""
    knobs = Knobs(size=(64, 64), motion=(4.0, 9.0), camera=(0.0, 5.0), objects=(1, 1))
    for index in range(12):
        scene = render(knobs, 9, index)
        rows, columns = np.mgrid[0:64, 0:64] + 0.5
        x, y = columns + scene.flow[..., 0], rows + scene.flow[..., 1]
        outside = (x < 0) | (y < 0) | (x >= 64) | (y >= 64)
        assert scene.occlusion[outside].all()
        reached = np.zeros((66, 66), dtype=np.bool_)
        for down in (-1, 0, 1):  # every pixel that a moved animal pixel touches
            for across in (-1, 0, 1):
                animal = (scene.instances > 0) & ~outside
                reached[(y[animal] + down).astype(int) + 1, (x[animal] + across).astype(int) + 1] = True
        covered = scene.occlusion & ~outside
        # Animals may also step in from outside the picture.
        middle = covered & (x > 12) & (x < 52) & (y > 12) & (y < 52)
        assert reached[y[middle].astype(int) + 1, x[middle].astype(int) + 1].all()


def test_the_foremost_animal_is_hidden_by_nothing() -> None:
    for index in range(20):
        scene = render(Knobs(size=(64, 64), objects=(3, 3)), 10, index)
        rows, columns = np.nonzero((scene.instances == len(scene.boxes)) & scene.occlusion)
        x = columns + 0.5 + scene.flow[rows, columns, 0]
        y = rows + 0.5 + scene.flow[rows, columns, 1]
        if scene.attributes["count"] == 3:
            assert ((x < 0) | (y < 0) | (x >= 64) | (y >= 64)).all()


def test_noise_has_the_asked_strength_and_differs_between_frames() -> None:
    clean, noisy = (render(Knobs(size=(96, 96), **{**STILL, "noise": noise}), 11, 0) for noise in (0.0, 6.0))
    middle = (clean.image > 30) & (clean.image < 225)
    first, second = (frame.astype(float) - clean.image for frame in (noisy.image, noisy.second))
    assert first[middle].std() == pytest.approx(6.0, rel=0.05)
    assert abs(np.corrcoef(first[middle], second[middle])[0, 1]) < 0.03


def test_light_darkens_the_picture_and_nothing_else() -> None:
    dark, bright = (render(Knobs(size=(64, 64), light=(light, light)), 12, 0) for light in (0.3, 1.0))
    assert dark.image.mean() < 0.45 * bright.image.mean()
    assert dark.labels.tobytes() == bright.labels.tobytes()
    assert (dark.attributes["light"], bright.attributes["light"]) == ("dark", "bright")


def test_words_change_the_sky_but_no_label() -> None:
    knobs = Knobs(size=(128, 128), objects=(1, 1), noise=0.0)
    plain, signed = render(knobs, 13, 0), render(replace(knobs, words=1.0), 13, 0)
    assert plain.labels.tobytes() == signed.labels.tobytes()
    changed = np.abs(plain.image.astype(int) - signed.image).max(axis=2) > 20
    assert 0.01 < changed.mean() < 0.2
    assert not changed[signed.labels > 0].any()
    assert signed.attributes["word"] in CLASSES
    assert plain.attributes["word"] == plain.attributes["word_agrees"] == "none"


def test_attributes_and_caption_tell_what_is_there() -> None:
    settings: dict[str, Any] = {"classes": (0.0, 1.0, 0.0, 0.0), "dark_fur": (0.0, 1.0, 0.0, 0.0)}
    scene = render(Knobs(objects=(1, 1), correlation=1.0, light=(0.5, 0.5), scale=(0.55, 0.55), **settings), 0, 0)
    assert scene.caption == "a dark camel in the desert at dusk"
    expected = {
        "species": "camel",
        "background": "desert",
        "home": "home",
        "light": "dark",
        "fur": "dark",
        "size": "large",
    }
    assert {name: scene.attributes[name] for name in expected} == expected


def test_backgrounds_look_different() -> None:
    looks = []
    for place in range(5):
        share = tuple(float(place == other) for other in range(5))
        knobs = Knobs(size=(64, 64), objects=(0, 0), backgrounds=share, light=(1.0, 1.0))  # type: ignore[arg-type]
        scene = render(knobs, 0, 0)
        assert scene.attributes["background"] == BACKGROUNDS[place]
        looks.append(scene.image[40:].mean(axis=(0, 1)))
    gaps = [np.abs(looks[a] - looks[b]).max() for a in range(5) for b in range(a)]
    assert min(gaps) > 15


def test_an_enlarged_scene_keeps_the_size_of_animals() -> None:
    knobs = Knobs(size=(64, 64), objects=(1, 1), scale=(0.5, 0.5))
    scene = render(knobs.enlarged((512, 512)), 1, 0)
    assert 32 <= len(scene.boxes) <= 64
    sides = scene.boxes[:, 2:] - scene.boxes[:, :2]
    assert np.median(sides[:, 0]) == pytest.approx(32, abs=3)


@pytest.mark.parametrize(
    ("seed", "index", "text"), [(-1, 0, "seed, got -1"), (0, -5, "index, got -5"), (True, 0, "seed, got True")]
)
def test_seed_and_index_are_whole_numbers_from_zero(seed: int, index: int, text: str) -> None:
    with pytest.raises(InputError, match=text):
        render(Knobs(), seed, index)
