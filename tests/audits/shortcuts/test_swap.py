"""The background swap on models whose answer is known, and on every kind of image that cannot be swapped."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from pixelwise.audits.shortcuts.cases import cases_from, cut_by_model
from pixelwise.audits.shortcuts.effects import context_effect, effects
from pixelwise.audits.shortcuts.findings import swap_findings, verdict_on
from pixelwise.audits.shortcuts.pairing import paired_backgrounds
from pixelwise.audits.shortcuts.pictures import swap_sheet
from pixelwise.audits.shortcuts.shared_backgrounds import SharedArm, signed_sum
from pixelwise.audits.shortcuts.sight import classifier_sight, detector_sight, segmenter_sight
from pixelwise.audits.shortcuts.swap import ARMS, Row, Swap, arms, background_swap
from pixelwise.data.transforms import Sample
from pixelwise.errors import InputError
from pixelwise.results import Detections, Segmentation
from references.planted_shortcuts import follows_object, follows_place, scene, world


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_a_model_that_follows_places_fails_and_one_that_follows_objects_passes() -> None:
    cases = world(60, correlation=1.0)
    found = effects(background_swap(classifier_sight(follows_place), cases, 0), rng())
    assert (found.artefact.value, found.context.value, found.reliance.value) == (0, 1, 1)
    assert found.excess.value == 1
    assert verdict_on(found.context, 0.1) == "fail"
    honest = effects(background_swap(classifier_sight(follows_object), cases, 0), rng())
    assert (honest.artefact.value, honest.context.value, honest.reliance.value) == (0, 0, 0)
    assert {name: each.value for name, each in honest.arms.items() if name != "background_only"} == dict.fromkeys(
        ARMS[:5], 1
    )
    assert verdict_on(honest.context, 0.1) == "pass"


def place_swap(labels: np.ndarray, places: np.ndarray, draws: np.random.Generator) -> Swap:
    """What a model that sees nothing but places scores; no picture is drawn."""
    pairings = tuple(paired_backgrounds(labels.tolist(), draws))
    scores = np.zeros((len(labels), len(ARMS)))
    for index, pairing in enumerate(pairings):
        scores[index, 2] = places[pairing.same_class] == labels[index]
        scores[index, 3] = places[pairing.other_class] == labels[index]
    return Swap(tuple(Row("", int(label), "", "", ()) for label in labels), pairings, scores, {}, (), 0)


def test_partial_correlation_gives_a_partial_effect() -> None:
    """Same-class places are right with (1 + c) / 2, other-class places with (1 - c) / 2."""
    for correlation in (0.8, 0.4):
        draws = rng(1)
        labels = draws.integers(0, 2, 3000)
        places = np.where(draws.random(3000) < (1 + correlation) / 2, labels, 1 - labels)
        found = context_effect(place_swap(labels, places, draws), draws)
        assert found.value == pytest.approx(correlation, abs=0.05)
        assert found.lo < correlation < found.hi


@pytest.mark.parametrize(("classes", "count"), [(2, 100), (4, 60)])
def test_without_correlation_false_alarms_stay_near_the_level(classes: int, count: int) -> None:
    worlds, level, alarms = 150, 0.025, 0
    for seed in range(worlds):
        draws = rng(seed)
        labels, places = draws.integers(0, classes, (2, count))
        alarms += verdict_on(context_effect(place_swap(labels, places, draws), draws), 0.0) == "fail"
    assert alarms <= worlds * level + 2 * (worlds * level * (1 - level)) ** 0.5


def test_the_variance_counts_every_pair_of_scores_that_share_a_picture() -> None:
    draws = rng(1)
    objects = np.arange(7)
    arms_ = [SharedArm(sign, draws.random(7), draws.integers(0, 7, 7)) for sign in (1, -1)]
    parts = [arm.sign * (arm.scores[i] - arm.scores.mean()) / 7 for arm in arms_ for i in range(7)]
    pictures = [{i, int(arm.backgrounds[i])} for arm in arms_ for i in range(7)]
    expected = sum(
        a * b for a, p in zip(parts, pictures, strict=True) for b, q in zip(parts, pictures, strict=True) if p & q
    )
    found = signed_sum(arms_, objects)
    reach = stats.t.ppf(0.975, 6) * max(expected, 0) ** 0.5
    assert found.hi - found.value == pytest.approx(reach)
    assert found.value == pytest.approx(arms_[0].scores.mean() - arms_[1].scores.mean())


def test_dense_models_are_scored_inside_the_object() -> None:
    def predict(image: Tensor) -> Tensor:
        return follows_place(image[None]).argmax(1)[0].expand(image.shape[1:])

    cases = world(60, correlation=1.0)
    found = effects(background_swap(segmenter_sight(predict, 3), cases, 0), rng())
    assert found.context.value == 1

    def halves(image: Tensor) -> Segmentation:
        labels = torch.zeros(image.shape[1:], dtype=torch.uint8)
        labels[:12] = 1
        labels[12:] = 2
        return Segmentation(labels, ("nothing", "red", "blue"))

    swap = background_swap(segmenter_sight(halves, 3), cases, 0)
    assert set(swap.arm("original").tolist()) == {0.5}


def test_detections_count_where_they_overlap_the_object() -> None:
    boxes = torch.tensor([[0.0, 0.0, 4.0, 4.0], [8.0, 8.0, 16.0, 16.0], [7.0, 8.0, 16.0, 16.0]])
    found = Detections(boxes, torch.tensor([0.9, 0.5, 0.8]), torch.tensor([1, 1, 2]), ("", "a", "b"), None, (24, 24))
    mask = scene(1, 0.3).labels == 1
    image = torch.zeros(3, 24, 24)
    assert detector_sight(lambda _: found, 3)(image, mask).tolist() == [0, 0, 1]
    nothing = Detections(boxes[:0], torch.zeros(0), torch.zeros(0, dtype=torch.int64), ("",), None, (24, 24))
    assert detector_sight(lambda _: nothing, 3)(image, mask).tolist() == [1, 0, 0]
    far = replace(found, boxes=boxes[:1], scores=found.scores[:1], labels=found.labels[:1])
    assert detector_sight(lambda _: far, 3)(image, mask).tolist() == [1, 0, 0]


def test_the_arms_are_what_they_are_called() -> None:
    cases = world(6, correlation=1.0)
    pairings = paired_backgrounds([case.label for case in cases.cases], rng())
    case, pairing = cases.cases[0], pairings[0]
    made = dict(arms(case, pairing, cases, feather=0))
    inside = case.mask
    for arm in ARMS[:5]:
        image = made[arm]
        assert image is not None
        assert torch.equal(image[:, inside], case.image[:, inside]), arm
    place, other_place = {1: (0.3, 0.7), 2: (0.7, 0.3)}[case.label]
    greys = {arm: image[:, 0, 0] for arm, image in made.items() if image is not None}
    expected = dict(zip(ARMS, (place, place, place, other_place, 0.5, place), strict=True))
    for arm, grey in expected.items():
        assert greys[arm].tolist() == pytest.approx([grey] * 3), arm
    assert made["background_only"] is not None
    assert float(made["background_only"].std()) == pytest.approx(0, abs=1e-6)


def test_pairs_are_drawn_from_the_seed_and_written_down() -> None:
    cases = world(30, correlation=0.5)
    once, again, other = (background_swap(classifier_sight(follows_place), cases, seed) for seed in (3, 3, 4))
    assert once.log == again.log != other.log
    names = {case.name: case.label for case in cases.cases}
    for row in once.log:
        assert row.same_class != row.name
        assert names[row.same_class] == row.label != names[row.other_class]
        assert row.resized == ()


def test_the_only_picture_of_its_class_has_no_same_class_background() -> None:
    cases = cases_from([scene(1, 0.3), scene(2, 0.7), scene(2, 0.7)], ["a", "b", "c"])
    swap = background_swap(classifier_sight(follows_place), cases, 0)
    assert math.isnan(swap.arm("same_class")[0])
    assert not np.isnan(np.delete(swap.scores, 2, 1)).any()
    found = effects(swap, rng())
    assert (found.context.n, found.artefact.n) == (2, 3)
    table = swap_findings(swap, found)[0].evidence[1]
    assert ["without a score in the arm same class", 1] in table.rows
    alone = background_swap(classifier_sight(follows_place), cases_from([scene(1, 0.3)], ["a"]), 0)
    nothing = effects(alone, rng()).context
    assert math.isnan(nothing.value)
    assert verdict_on(nothing, 0.1) == "inconclusive"


def test_images_without_objects_other_sizes_and_failures_are_counted() -> None:
    empty = Sample(torch.rand(3, 24, 24), torch.zeros(24, 24, dtype=torch.int64))
    large = scene(2, 0.7, size=40)
    ignored = replace(scene(1, 0.3), labels=torch.full((24, 24), 255))
    scenes = [scene(1, 0.3), scene(1, 0.3), empty, large, scene(2, 0.7), ignored]
    cases = cases_from(scenes, list("abcdef"))
    assert cases.left_out == {"c": "no object in it", "f": "no object in it"}
    seen = []

    def breaks_on_grey(images: Tensor) -> Tensor:
        if float(images[0, 0, 0, 0]) == 0.5:
            raise RuntimeError("a plain background")
        return follows_place(images)

    swap = background_swap(classifier_sight(breaks_on_grey), cases, 0, progress=lambda *each: seen.append(each))
    assert seen[-1] == (4, 4)
    assert len(swap.failures) == 4
    assert swap.failures[0] == "a, grey: RuntimeError: a plain background"
    rows = dict(swap_findings(swap, effects(swap, rng()))[0].evidence[1].rows)
    assert rows["no object in it"] == 2
    assert rows["without a score in the arm grey"] == 4
    assert rows["backgrounds of another size, enlarged or shrunk to cover"] == sum(len(row.resized) for row in swap.log)
    assert sum(len(row.resized) for row in swap.log) > 0


def test_objects_of_other_classes_are_taken_out_with_the_background() -> None:
    labels = torch.zeros(24, 24, dtype=torch.int64)
    labels[8:16, 8:16], labels[0:4, 0:4] = 1, 2
    case = cases_from([Sample(torch.rand(3, 24, 24), labels)], ["a"]).cases[0]
    assert case.label == 1
    assert int(case.mask.sum()) == 64
    assert int(case.taken_out.sum()) == 80


def test_masks_of_the_model_tell_what_it_missed() -> None:
    cases = world(8, correlation=1.0)

    def predict(image: Tensor) -> Tensor:
        """Finds red objects one column too wide, and never blue ones."""
        labels = torch.zeros(image.shape[1:], dtype=torch.int64)
        if float(image[0, 12, 12]) > 0.5:
            labels[8:16, 8:17] = 1
        return labels

    found = cut_by_model(cases, predict)
    red = [case.name for case in cases.cases if case.label == 1]
    assert [case.name for case in found.cases.cases] == red
    assert set(found.missed) == {case.name for case in cases.cases} - set(red)
    assert found.iou == pytest.approx(64 / 72 * len(red) / 8)
    assert set(found.cases.left_out.values()) == {"the model found no pixel of its object"}


def test_outputs_that_cannot_be_read_are_named() -> None:
    image, mask = torch.rand(3, 4, 4), torch.ones(4, 4, dtype=torch.bool)
    with pytest.raises(InputError, match="finite scores"):
        classifier_sight(lambda _: torch.tensor([[0.0, torch.nan]]))(image, mask)
    with pytest.raises(InputError, match=r"scores of shape \(1, K\), got \(1, 2, 3\)"):
        classifier_sight(lambda _: torch.zeros(1, 2, 3))(image, mask)
    with pytest.raises(InputError, match="labels of the image's size"):
        segmenter_sight(lambda _: torch.zeros(2, 2, dtype=torch.int64), 3)(image, mask)
    with pytest.raises(InputError, match=r"labels 0\.\.2, got 7"):
        segmenter_sight(lambda _: torch.full((4, 4), 7), 3)(image, mask)
    with pytest.raises(InputError, match="a name for each of 1 images, got 0"):
        cases_from([scene(1, 0.3)], [])
    with pytest.raises(InputError, match="a label map for a, got none"):
        cases_from([Sample(image)], ["a"])


def test_findings_judge_the_context_and_tell_the_rest() -> None:
    cases = world(80, correlation=1.0)
    swap = background_swap(classifier_sight(follows_place), cases, 0)
    found = swap_findings(swap, effects(swap, rng()))
    assert [each.verdict for each in found] == ["fail", "note", "note"]
    assert "random backgrounds" in found[0].what_to_do
    assert found[0].number == 1
    honest = background_swap(classifier_sight(follows_object), cases, 0)
    assert swap_findings(honest, effects(honest, rng()))[0].verdict == "pass"
    few = background_swap(classifier_sight(follows_object), world(8, 1.0), 0)
    assert swap_findings(few, effects(few, rng()))[0].verdict == "inconclusive"
    each = [context_effect(swap, rng(), label=label) for label in (1, 2)]
    assert [found.value for found in each] == [1, 1]
    assert sum(found.n for found in each) == 80


def test_the_sheet_has_a_row_of_arms_and_one_of_answers() -> None:
    cases = world(4, correlation=1.0)

    def predict(image: Tensor) -> Tensor:
        return torch.ones(image.shape[1:], dtype=torch.int64)

    alone = swap_sheet(cases, 0, 2)
    told = swap_sheet(cases, 0, 2, predict, ("", "red", "blue"))
    assert told.shape[1] == alone.shape[1]
    assert told.shape[0] > 1.9 * alone.shape[0]
