"""Object matches against every pair of masks, hand-worked ties, images without objects, and refusals."""

import csv
from inspect import unwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from pixelwise.data.formats.masks import read_label_map
from pixelwise.data.images import read_image
from pixelwise.errors import InputError
from pixelwise.metrics.instances import IOU_THRESHOLDS, average_precision, instance_counts, instance_precision
from references.instances import matches_by_hand


def objects(height: int, width: int, count: int) -> Tensor:
    """Rectangles laid over each other, with gaps in their numbers."""
    labels = torch.zeros(height, width, dtype=torch.int32)
    for number in torch.randperm(3 * count)[:count].tolist():
        top, left = int(torch.randint(height, ())), int(torch.randint(width, ()))
        labels[top : top + 5, left : left + 6] = number + 1
    return labels


@pytest.mark.parametrize("size", [(24, 31), (1, 40), (3, 3), (1, 1)])
@pytest.mark.parametrize("seed", range(4))
def test_counts_equal_every_pair_of_masks(size: tuple[int, int], seed: int) -> None:
    torch.manual_seed(seed)
    truth = objects(*size, 9)
    moved = torch.roll(truth, (0, 1), (0, 1))
    for prediction in (truth, moved, moved * (torch.rand(size) > 0.1), objects(*size, 9)):
        assert instance_counts(prediction, truth).tolist() == matches_by_hand(prediction, truth)


def test_numbers_mean_nothing_but_sameness() -> None:
    truth = objects(30, 30, 8)
    renamed = torch.where(truth > 0, 60000 - truth, 0)
    assert torch.equal(instance_counts(renamed, truth), instance_counts(truth, truth))
    assert torch.equal(instance_counts(renamed.to(torch.uint16), truth), instance_counts(truth, truth))
    assert float(average_precision(instance_counts(renamed, truth))) == 1


def test_a_tie_is_no_match() -> None:
    truth = torch.tensor([[1, 1, 1, 1, 1, 1, 1, 1, 1, 1]])
    for shared in range(10, 0, -1):
        prediction = truth.clone()
        prediction[0, shared:] = 0
        # IoU is shared / 10; the organisers' rule is "greater than".
        hits = [100 * shared > 10 * percent for percent in range(50, 100, 5)]
        assert instance_counts(prediction, truth)[:, 0].tolist() == hits


def test_one_prediction_over_two_objects_matches_one_at_most() -> None:
    truth = torch.tensor([[1, 1, 1, 2, 2]])
    counts = instance_counts(torch.ones(1, 5, dtype=torch.int64), truth)  # IoU 3/5 and 2/5
    assert counts[:3].tolist() == [[1, 0, 1], [1, 0, 1], [0, 1, 2]]


def test_the_scores_of_a_hand_worked_image() -> None:
    counts = torch.zeros(10, 3, dtype=torch.int64)
    counts[:5] = torch.tensor([3, 1, 0])
    counts[5:] = torch.tensor([2, 2, 1])
    assert_close(instance_precision(counts), torch.tensor([0.75] * 5 + [0.4] * 5, dtype=torch.float64))
    assert float(average_precision(counts)) == pytest.approx(0.575)
    assert len(IOU_THRESHOLDS) == 10
    assert IOU_THRESHOLDS[0] == 0.5
    assert IOU_THRESHOLDS[-1] == 0.95


def test_nothing_to_find_is_no_number_and_inventing_is_zero() -> None:
    nothing, something = torch.zeros(4, 4, dtype=torch.int32), torch.ones(4, 4, dtype=torch.int32)
    assert instance_precision(instance_counts(nothing, nothing)).isnan().all()
    assert float(average_precision(instance_counts(something, nothing))) == 0
    assert float(average_precision(instance_counts(nothing, something))) == 0
    stacked = torch.stack([instance_counts(nothing, nothing), instance_counts(something, something)])
    assert float(average_precision(stacked).nanmean()) == 1


def test_an_image_without_pixels_has_no_objects() -> None:
    empty = torch.zeros(0, 5, dtype=torch.int32)
    assert instance_counts(empty, empty).tolist() == [[0, 0, 0]] * 10


def test_counts_of_images_add_up() -> None:
    first, second = objects(20, 20, 5), objects(20, 20, 5)
    both = torch.cat([first, torch.where(second > 0, second + 100, 0)])
    moved = [torch.roll(each, 1, 1) for each in (first, second)]
    together = instance_counts(torch.cat([moved[0], torch.where(moved[1] > 0, moved[1] + 100, 0)]), both)
    assert torch.equal(together, instance_counts(moved[0], first) + instance_counts(moved[1], second))


def test_refusals() -> None:
    labels = torch.zeros(4, 4, dtype=torch.int64)
    with pytest.raises(InputError, match=r"wanted object numbers of 0 or more in the truth, got -1\nhint: use 0"):
        instance_counts(labels, labels - 1)
    with pytest.raises(InputError, match=r"wanted a prediction of the truth's shape \(4, 4\), got \(2, 4\)"):
        unwrap(instance_counts)(labels[:2], labels)


@pytest.mark.slow
@pytest.mark.data
def test_the_floor_stated_by_the_data_set_is_found_again(real_data: Path) -> None:
    """Otsu's threshold and connected components on the fluorescence images: 0.626 at IoU 0.5, by its README."""
    filters, measure = pytest.importorskip("skimage.filters"), pytest.importorskip("skimage.measure")
    root = real_data / "dsb2018_nuclei"
    with (root / "index.csv").open(newline="") as file:
        names = [row["id"] for row in csv.DictReader(file) if row["subgroup"] == "gray_dark"]
    counts = []
    for name in names:
        gray = (read_image(root / f"images/{name}.png").mean(0) * 255).round().byte().numpy()
        found = measure.label(gray > filters.threshold_otsu(gray), connectivity=2)
        truth = read_label_map(root / f"labels/{name}.png").astype(np.int32)
        counts.append(instance_counts(torch.from_numpy(found.astype(np.int32)), torch.from_numpy(truth)))
    assert float(instance_precision(torch.stack(counts))[:, 0].nanmean()) == pytest.approx(0.626, abs=5e-4)
