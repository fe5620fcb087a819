"""The background swap inside a whole audit, from samples to the verdict."""

import numpy as np
import pytest
import torch
from torch import Tensor

from pixelwise.audits.audit import audit
from pixelwise.audits.sample_sets import SampleSet
from pixelwise.audits.shortcuts import background_probe
from pixelwise.audits.statistics.samples import Sample
from pixelwise.errors import InputError
from references.planted_shortcuts import follows_object, follows_place, world

CLASSES = ("nothing", "red", "blue")


def samples(count: int) -> SampleSet:
    found = [
        Sample(case.name, (case.image,), torch.where(case.mask, case.label, 0)) for case in world(count, 1.0).cases
    ]
    return SampleSet("segmentation", CLASSES, found)


def honest(image: Tensor) -> Tensor:
    """Labels the object's pixels by their colour."""
    labels = torch.zeros(image.shape[1:], dtype=torch.int64)
    labels[8:16, 8:16] = follows_object(image[None]).argmax(1)
    return labels


def led_astray(image: Tensor) -> Tensor:
    """Labels the object's pixels by the place: as right as the other, as long as objects are at home."""
    labels = torch.zeros(image.shape[1:], dtype=torch.int64)
    labels[8:16, 8:16] = follows_place(image[None]).argmax(1)
    return labels


def test_the_audit_fails_by_the_probe_alone() -> None:
    good, bad = (audit(model, samples(60), probes=[background_probe()]) for model in (honest, led_astray))
    swaps = [[each for each in found.findings if each.about == "background swap"] for found in (good, bad)]
    assert [each.verdict for each in swaps[0]] == ["note", "note", "pass"]
    assert [each.verdict for each in swaps[1]] == ["fail", "note", "note"]
    assert bad.verdict == "fail"
    assert not bad.passed
    assert swaps[1][0].number == 1
    assert len(swaps[1][0].evidence) == 3


def test_so_many_images_at_most_and_no_other_task() -> None:
    found = background_probe(most=20)(honest, samples(40), np.random.default_rng(0))
    assert found[0].n == 20
    with pytest.raises(InputError, match="segmentation samples for the background swap, got flow"):
        background_probe()(honest, SampleSet("flow", (), []), np.random.default_rng(0))
