"""Notes with words on models that read, or do not, and the other probes on models that go by one thing alone."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from pixelwise.audits.shortcuts.cases import Cases, cases_from
from pixelwise.audits.shortcuts.looking import energy_inside, integrated_gradients, looking, occlusion
from pixelwise.audits.shortcuts.notes import nonsense, with_note
from pixelwise.audits.shortcuts.probes import (
    PROBES,
    bordered,
    colour_removed,
    marked,
    probed,
    shape_removed,
    shifted,
    texture_removed,
)
from pixelwise.audits.shortcuts.sight import classifier_sight
from pixelwise.audits.shortcuts.typographic import note_curve, typographic
from pixelwise.data.transforms import Sample
from pixelwise.errors import InputError
from references.planted_shortcuts import follows_object, follows_place, world

CLASSES = ("nothing", "cow", "camel")


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def large_world(count: int) -> Cases:
    """Objects of two classes in pictures large enough for letters."""
    scenes = []
    for index in range(count):
        label = 1 + index % 2
        labels = torch.zeros(64, 96, dtype=torch.int64)
        labels[20:60, 30:80] = label
        image = torch.full((3, 64, 96), 0.5)
        image[0 if label == 1 else 2, 20:60, 30:80] = 0.9
        scenes.append(Sample(image, labels))
    return cases_from(scenes, [f"{index:03d}" for index in range(count)])


def reads(images: Tensor) -> Tensor:
    """Scores of a model that knows what its class names look like on a note in the middle, else sees the colour."""
    scores = torch.zeros(len(images), 3)
    for row, image in enumerate(images):
        for label in (1, 2):
            noted, covered = with_note(image, CLASSES[label], (0.5, 0.5), 0.25)
            if torch.allclose(noted[:, covered], image[:, covered], atol=1e-3):
                scores[row, label] = 10
        red, blue = image[0, 58, 40], image[2, 58, 40]
        scores[row, 1 if red > blue else 2] += 1
    return scores


def only_colour(images: Tensor) -> Tensor:
    red, blue = images[:, 0, 58, 40], images[:, 2, 58, 40]
    return torch.stack([torch.zeros_like(red), red - blue, blue - red], 1)


def test_a_model_that_reads_is_told_from_one_that_does_not() -> None:
    cases = large_world(24)
    found = typographic(classifier_sight(reads), cases, CLASSES, 0, height=0.25)
    assert found.reading(rng()).value == 1
    assert found.writing(rng()).value == 0
    assert found.covering(rng()).value == 0
    assert found.reading(rng()).lo > 0.7
    assert 0.02 < found.covered < 0.2
    assert set(found.words) == {"cow", "camel"}
    assert not set(found.controls) & set(CLASSES)
    blind = typographic(classifier_sight(only_colour), cases, CLASSES, 0, height=0.25)
    assert blind.reading(rng()).value == 0
    assert blind.words == found.words


def test_the_curve_shows_where_the_word_is_read() -> None:
    curve = note_curve(classifier_sight(reads), large_world(8), CLASSES, 0, [(0.5, 0.5), (0.1, 0.5)], [0.25])
    assert [(place, height, each.reading(rng()).value) for place, height, each in curve] == [
        ((0.5, 0.5), 0.25, 1.0),
        ((0.1, 0.5), 0.25, 0.0),
    ]


def test_what_a_note_hides_does_not_count_and_failures_are_told() -> None:
    labels = torch.zeros(64, 96, dtype=torch.int64)
    labels[30:34, 46:50] = 1
    other = torch.zeros(64, 96, dtype=torch.int64)
    other[20:60, 30:80] = 2
    cases = cases_from([Sample(torch.rand(3, 64, 96), each) for each in (labels, other)], ["small", "large"])
    found = typographic(classifier_sight(only_colour), cases, CLASSES, 0)
    assert np.isnan(found.right[0]).tolist() == [False, True, True, True]
    assert found.covering(rng()).n == 1

    def breaks(images: Tensor) -> Tensor:
        raise RuntimeError("no")

    broken = typographic(classifier_sight(breaks), cases, CLASSES, 0)
    assert len(broken.failures) == 8 - 3
    assert broken.failures[0] == "small, clean: RuntimeError: no"
    assert math.isnan(broken.reading(rng()).value)


def test_notes_are_whole_and_blank_ones_are_as_large() -> None:
    image = torch.full((3, 60, 100), 0.5)
    for place in ((0.0, 0.0), (1.0, 1.0), (0.5, 0.2)):
        noted, covered = with_note(image, "camel", place, 0.3)
        blank, same = with_note(image, "camel", place, 0.3, ink=False)
        assert torch.equal(covered, same)
        assert torch.equal(noted[:, ~covered], image[:, ~covered])
        assert len(blank[:, covered].unique()) == 1
        assert float(noted[:, covered].min()) < 0.3
        rows, columns = covered.nonzero().unbind(1)
        assert int(covered.sum()) == int((rows.amax() - rows.amin() + 1) * (columns.amax() - columns.amin() + 1))
    narrow = with_note(torch.full((3, 100, 60), 0.5), "a long word", (0.5, 0.5), 0.9)[1]
    assert bool(narrow.any(0).sum() <= 60)
    assert float(narrow.float().mean()) < 0.5  # made lower, to fit


def test_notes_that_cannot_be_read_are_refused() -> None:
    with pytest.raises(InputError, match="room for 'camel' in letters of 5 pixels"):
        with_note(torch.rand(3, 20, 9), "camel", (0.5, 0.5), 0.5)
    with pytest.raises(InputError, match="a word, a height"):
        with_note(torch.rand(3, 50, 50), "", (0.5, 0.5), 0.5)
    with pytest.raises(InputError, match="a place"):
        with_note(torch.rand(3, 50, 50), "cow", (0.5, 1.5), 0.5)
    with pytest.raises(InputError, match="objects of at least two classes, got 1"):
        typographic(classifier_sight(only_colour), Cases(large_world(1).cases, {}), CLASSES, 0)


def test_nonsense_has_the_length_and_no_meaning() -> None:
    found = {nonsense("camel", {"camel", "cow"}, rng(seed)) for seed in range(20)}
    assert len(found) > 15
    assert all(len(word) == 5 and word not in ("camel", "cow") for word in found)
    with pytest.raises(InputError, match="a word of 1 letters that is no class"):
        nonsense("x", set("bdfgklmnprstvz"), rng())


def test_each_probe_takes_what_its_name_says() -> None:
    case = large_world(1).cases[0]
    textured = case.image + 0.1 * torch.rand(1, 64, 96, generator=torch.Generator().manual_seed(0))
    mask = case.mask
    grey, _ = colour_removed(textured, mask, rng())
    assert torch.equal(grey[0], grey[2])
    flat, _ = texture_removed(textured, mask, rng())
    assert float(flat[:, mask].std(1).max()) == pytest.approx(0, abs=1e-6)
    assert torch.equal(flat[:, ~mask], textured[:, ~mask])
    shuffled, where = shape_removed(textured, mask, rng())
    assert not torch.equal(shuffled, textured)
    assert torch.equal(shuffled[:, where].sort(1)[0], textured[:, mask].sort(1)[0])
    small = torch.zeros(64, 96, dtype=torch.bool)
    small[3:8, 3:8] = True
    assert shape_removed(textured, small, rng())[0] is textured
    watermark, left = marked(textured, mask, rng())
    assert bool((watermark != textured).any())
    assert int(left.sum()) < int(mask.sum()) or torch.equal(left, mask)
    framed, _ = bordered(textured, mask, rng())
    assert float(framed[:, 0].max()) == 0
    moved, there = shifted(textured, mask, rng())
    assert (
        torch.equal(moved[:, there].sort(1)[0][:, :100], textured[:, mask].sort(1)[0][:, :100])
        or int(there.sum()) < 2000
    )
    assert 0 < int(there.sum()) <= int(mask.sum())


def test_a_model_that_goes_by_colour_loses_by_colour_alone() -> None:
    cases = world(40, correlation=1.0)
    found = probed(classifier_sight(follows_object), cases, 0)
    losses = found.losses(rng())
    assert set(losses) == set(PROBES)
    assert losses["colour"].value == 1
    assert losses["texture"].value == 0
    assert losses["border"].value == 0
    # Letters need pictures larger than these of 24 pixels: the watermark fails on each, by name.
    assert math.isnan(losses["watermark"].value)
    assert len(found.failures) == 40
    assert "000, watermark: InputError" in found.failures[0]


def test_attributions_add_up_and_lie_where_the_model_looks() -> None:
    case = world(1, correlation=1.0).cases[0]

    def middle(images: Tensor) -> Tensor:
        return follows_object(images)[:, case.label] ** 3

    found = integrated_gradients(middle, case.image)
    grey = torch.full_like(case.image, 0.5)
    change = float(middle(case.image[None])[0] - middle(grey[None])[0])
    assert float(found.sum()) == pytest.approx(change, rel=0.01)
    assert energy_inside(found, case.mask) == 1
    assert energy_inside(integrated_gradients(lambda x: follows_place(x)[:, 1], case.image), case.mask) == 0
    assert math.isnan(energy_inside(torch.zeros(3, 3), torch.ones(3, 3, dtype=torch.bool)))


def test_occlusion_falls_where_hidden_pixels_mattered() -> None:
    case = world(1, correlation=1.0).cases[0]
    falls = occlusion(lambda images: follows_object(images)[:, case.label], case.image, 8)
    assert float(falls[12, 12]) == pytest.approx(float(falls.max()))
    assert float(falls[0, 0]) == pytest.approx(0, abs=1e-6)
    assert energy_inside(falls, case.mask) == pytest.approx(1, abs=1e-5)


def test_looking_compares_with_the_area() -> None:
    cases = world(60, correlation=1.0)
    inside = looking(lambda case: integrated_gradients(lambda x: follows_object(x)[:, case.label], case.image), cases)
    assert inside.lift(rng()).value == pytest.approx(1 - 64 / 576)
    even = looking(lambda case: torch.ones(24, 24), cases)
    assert even.lift(rng()).value == pytest.approx(0, abs=1e-6)
