"""The background swap inside a whole audit, from samples to the verdict."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from pixelwise.audits.audit import audit
from pixelwise.audits.findings import Finding
from pixelwise.audits.intervals import Interval
from pixelwise.audits.sample_sets import SampleSet, sample_set
from pixelwise.audits.shortcuts import background_probe, verdict_on
from pixelwise.audits.statistics.samples import Sample
from pixelwise.data.pasture import Knobs, write_folder
from pixelwise.errors import InputError
from pixelwise.reports.page import Table
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


def asked(model: object, data: SampleSet) -> list[Finding]:
    return list(background_probe()(model, data, np.random.default_rng(0)))


def reasons(findings: list[Finding]) -> dict[str, int]:
    """Why samples are not in the figures, and how many."""
    table = [part for part in findings[0].evidence if isinstance(part, Table)][1]
    return {str(row[0]): int(str(row[1])) for row in table.rows}


def test_a_small_pasture_folder_of_many_classes(tmp_path: Path) -> None:
    write_folder(tmp_path / "data", Knobs(size=(48, 48), objects=(1, 1)), images=12, seed=0)
    data = sample_set(None, tmp_path / "data", "all")

    def reddish(image: Tensor) -> Tensor:
        return (image[0] > image[1]).long() * (1 + (image.mean(0) > 0.5).long())

    findings = asked(reddish, data)
    assert [each.about for each in findings] == ["background swap"] * 3
    assert findings[0].verdict in ("fail", "inconclusive")
    assert 0 < findings[0].n <= 12 and -1 <= findings[0].number <= 1
    assert "no object in it" not in reasons(findings)
    assert [each.to_json() for each in asked(reddish, data)] == [each.to_json() for each in findings]


def test_an_image_without_an_object_is_left_out_and_told() -> None:
    found = samples(8)
    empty = Sample("empty.png", (torch.zeros(3, 24, 24),), torch.zeros(24, 24, dtype=torch.int64))
    findings = asked(honest, SampleSet("segmentation", CLASSES, [*found.samples, empty]))
    assert reasons(findings) == {"no object in it": 1}
    assert findings[0].n == 8


def test_no_object_at_all_tells_nothing() -> None:
    empty = Sample("empty.png", (torch.zeros(3, 24, 24),), torch.zeros(24, 24, dtype=torch.int64))
    findings = asked(honest, SampleSet("segmentation", CLASSES, [empty]))
    assert (findings[0].verdict, findings[0].n) == ("inconclusive", 0)
    assert np.isnan(findings[0].number)


def test_one_image_has_no_other_background_and_tells_nothing() -> None:
    findings = asked(led_astray, samples(1))
    assert (findings[0].verdict, findings[0].n) == ("inconclusive", 0)
    assert "cannot be told from so few" in findings[0].claim


def test_a_model_that_raises_is_told_and_the_audit_goes_on() -> None:
    def broken(image: Tensor) -> Tensor:
        raise RuntimeError("no memory")

    findings = asked(broken, samples(4))
    assert (findings[0].verdict, findings[0].n) == ("inconclusive", 0)
    assert any("RuntimeError: no memory" in reason for reason in reasons(findings))


def test_three_objects_that_agree_certify_nothing() -> None:
    assert verdict_on(Interval(-0.02, -0.06, 0.02, 3), 0.1) == "inconclusive"
    assert verdict_on(Interval(-0.02, -0.06, 0.02, 10), 0.1) == "pass"
