"""Super-resolvers and classifiers with a planted fault: each is found, told in words, and costs one image."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from pixelwise.audits.superres_honesty import (
    Deviation,
    Flips,
    ambiguity_finding,
    consistency_finding,
    deviations,
    explain,
    flip_finding,
    flips,
    shrinking,
)
from pixelwise.errors import InputError
from pixelwise.ops.matlab_resize import resize_matlab

HALF = partial(resize_matlab, scale=1 / 2)
WAY = shrinking(16, 16, HALF)


@pytest.fixture
def small() -> list[Tensor]:
    return [HALF(torch.rand(1, 16, 16)).clamp(0, 1) for _ in range(5)]


def exact(image: Tensor) -> Tensor:
    return WAY.plainest(image).float()


def invented(image: Tensor) -> Tensor:
    """Adds a bright spot that the input does not have."""
    large = exact(image)
    large[..., 4:8, 4:8] += 0.1
    return large


def test_a_resolver_that_keeps_to_its_input_passes(small: list[Tensor]) -> None:
    found = deviations(exact, small, HALF)
    assert all(each.largest < 0.01 and each.mean <= each.largest for each in found)
    verdict = consistency_finding(found)
    assert verdict.verdict == "pass"
    assert verdict.claim.startswith("5 of 5 restored images shrink back to their input within 0.5 of 255 levels")


def test_a_resolver_that_invents_a_spot_fails_by_its_height(small: list[Tensor]) -> None:
    found = deviations(invented, small, HALF)
    assert all(each.largest == pytest.approx(25.5, rel=0.3) for each in found)
    verdict = consistency_finding(found)
    assert (verdict.verdict, verdict.number, verdict.n) == ("fail", 0, 5)


def test_details_that_the_input_does_not_show_are_consistent(small: list[Tensor]) -> None:
    """Consistency is necessary and proves nothing: any hidden part may be added."""
    hidden = WAY.hidden(torch.rand(1, 16, 16))
    assert consistency_finding(deviations(lambda image: exact(image) + hidden, small, HALF)).verdict == "pass"


def test_one_failure_costs_one_image_and_is_told(small: list[Tensor]) -> None:
    calls = iter(range(5))

    def sometimes(image: Tensor) -> Tensor:
        number = next(calls)
        if number == 1:
            raise RuntimeError("out of memory")
        if number == 2:
            return exact(image)[..., :10]
        return exact(image) * torch.nan if number == 3 else exact(image)

    found = deviations(sometimes, small, HALF)
    assert [math.isnan(each.largest) for each in found] == [False, True, True, True, False]
    assert [each.failure for each in found[1:4]] == [
        "RuntimeError: out of memory",
        "made small again it is (1, 8, 5), not (1, 8, 8)",
        "values that are no numbers",
    ]
    verdict = consistency_finding(found)
    assert verdict.verdict == "fail" and verdict.number == pytest.approx(2 / 5)
    assert verdict.claim.endswith("3 failed, the first by RuntimeError: out of memory")


def test_a_class_read_off_what_the_input_does_not_show_flips(small: list[Tensor]) -> None:
    stripes = torch.ones(1, 16, 16) * torch.tensor([0.0, 1.0]).repeat(8)
    towards = torch.stack([stripes, 1 - stripes])
    inputs = [explain(image, towards, WAY, rounds=40).good(levels=2.0) for image in small]
    fine = flips(lambda image: "even" if (image[0, :, 0::2] - image[0, :, 1::2]).mean() > 0 else "odd", inputs)
    assert fine.rate().value == 1 and not fine.failures
    assert flip_finding(fine).verdict == "fail"
    coarse = flips(lambda image: torch.tensor(int(HALF(image)[0, 3, 3] > 2)), inputs)
    assert coarse.rate().value == 0
    assert flip_finding(coarse).verdict == "inconclusive"  # five inputs do not show that no class depends on it
    assert flip_finding(coarse, accepted=0.5).verdict == "pass"


def test_inputs_without_an_answer_are_failures_and_not_flips() -> None:
    images = torch.rand(2, 1, 4, 4)

    def classify(image: Tensor) -> int:
        if image.mean() > 2:
            raise ValueError("too bright")
        return 1

    found = flips(classify, [images, images + 5, images[:1]])
    assert found.answers == {0: (1, 1)}
    assert found.failures == {1: "ValueError: too bright", 2: "1 explanations, of which none can differ"}
    claim = flip_finding(found).claim
    assert claim == (
        "the class of 0.0% of 1 inputs depends on which explanation is shown; 2 inputs could not be asked, the first:"
        " ValueError: too bright"
    )
    assert flips(lambda image: np.int64(3), [images]).answers == {0: (3, 3)}
    scores = flips(lambda image: torch.rand(3), [images])
    assert scores.failures == {0: "TypeError: a class is a number or a name, not Tensor"}


def test_how_much_is_open_is_a_note() -> None:
    one = torch.stack([torch.zeros(1, 4, 4), torch.full((1, 4, 4), 0.1)])
    found = ambiguity_finding([one, one[:1]], free_share=0.9375)
    assert (found.verdict, found.n) == ("note", 1)
    assert found.number == pytest.approx(20)
    assert "inputs leave 93.8% of the large image open; 1 inputs have several explanations" in found.claim
    assert math.isnan(ambiguity_finding([one[:1]], 0.5).number)


def test_nothing_to_ask_is_refused() -> None:
    with pytest.raises(InputError, match="at least one small image, got none"):
        deviations(exact, [], HALF)
    with pytest.raises(InputError, match="explanations of at least one input, got none"):
        flips(lambda image: 1, [])


def test_all_failed_is_inconclusive_for_flips_and_a_failure_for_consistency() -> None:
    assert flip_finding(Flips({}, {0: "no"})).verdict == "inconclusive"
    assert consistency_finding([Deviation(math.nan, math.nan, "no")]).verdict == "fail"
