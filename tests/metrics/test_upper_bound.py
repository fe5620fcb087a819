"""The bound of each stride against its definition, by hand, in bands, from threads, and with odd label maps."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.metrics import mean_iou, upper_bound
from pixelwise.metrics.upper_bound import StrideBounds, stride_confusion, stride_upper_bound
from references.segmentation_metrics import confusion_by_hand
from references.stride_bounds import reduced_and_enlarged


def maps(count: int, size: tuple[int, int], classes: int) -> list[Tensor]:
    """Patches of 5 x 5 pixels, and ignored pixels here and there."""
    found = []
    for _ in range(count):
        coarse = torch.randint(0, classes, (size[0] // 5 + 1, size[1] // 5 + 1))
        labels = coarse.repeat_interleave(5, 0).repeat_interleave(5, 1)[: size[0], : size[1]].clone()
        labels[torch.rand(size) < 0.1] = 255
        found.append(labels)
    return found


@pytest.mark.parametrize("factors", [(8, 4, 2), (1,), (6, 4), (3, 7), (128, 64, 32, 16, 8, 4)])
@pytest.mark.parametrize("size", [(24, 32), (17, 13), (1, 9), (1, 1)])
def test_counts_equal_the_definition(size: tuple[int, int], factors: tuple[int, ...]) -> None:
    (labels,) = maps(1, size, 4)
    found = stride_confusion(labels, 4, factors)
    for factor, confusion in zip(factors, found, strict=True):
        expected = confusion_by_hand(reduced_and_enlarged(labels, 4, factor), labels, 4)
        assert torch.equal(confusion, expected), factor


def test_a_hand_worked_map() -> None:
    # A quarter of the map is class 1; at stride 4 it is lost, at stride 2 one of its two cells is.
    labels = torch.zeros(4, 4, dtype=torch.long)
    labels[0:2, 0:2] = 1
    labels[2, 2] = 1
    found = stride_upper_bound([labels], 2, (4, 2, 1))
    assert found == pytest.approx({4: (11 / 16 + 0) / 2, 2: (11 / 12 + 4 / 5) / 2, 1: 1.0})


def test_a_map_made_of_whole_cells_loses_nothing_and_a_finer_stride_loses_less() -> None:
    coarse = torch.randint(0, 3, (6, 8)).repeat_interleave(8, 0).repeat_interleave(8, 1)
    assert stride_upper_bound([coarse], 3, (8, 4, 2)) == {8: 1.0, 4: 1.0, 2: 1.0}
    scores = list(stride_upper_bound([coarse[3:, 5:]], 3, (32, 16, 4, 1)).values())
    assert scores == sorted(scores)
    assert scores[0] < scores[-1] == 1


def test_counts_add_up_over_images_before_the_ratio() -> None:
    labels = maps(5, (20, 26), 3)
    together = stride_upper_bound(iter(labels), 3, (16, 8))
    summed = sum(stride_confusion(each, 3, (16, 8)) for each in labels)
    assert list(together.values()) == mean_iou(summed).tolist()


def test_large_maps_are_counted_in_bands_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    (labels,) = maps(1, (100, 37), 4)
    whole = stride_confusion(labels, 4, (12, 8))
    monkeypatch.setattr(upper_bound, "BAND", 37 * 30)  # bands of 24 rows, the common multiple of 8 and 12
    assert torch.equal(stride_confusion(labels, 4, (12, 8)), whole)


def test_more_classes_than_there_are_change_nothing() -> None:
    labels = maps(2, (40, 40), 3)
    assert stride_upper_bound(labels, 255) == stride_upper_bound(labels, 3)
    assert stride_upper_bound([each.to(torch.uint8) for each in labels], 255) == stride_upper_bound(labels, 3)


def test_ignored_pixels_do_not_vote_and_do_not_count() -> None:
    labels = torch.full((8, 8), 255)
    labels[0, 0] = 1  # alone among ignored pixels, it wins its cell
    labels[4:, 4:] = 0
    assert stride_upper_bound([labels], 2, (4,)) == {4: 1.0}
    nothing = stride_upper_bound([torch.full((8, 8), 255), torch.zeros(0, 5, dtype=torch.long)], 2, (4,))
    assert nothing[4] != nothing[4]  # not-a-number


def test_threads_may_add_at_once() -> None:
    labels = maps(24, (30, 30), 3)
    bounds = StrideBounds(3, (8, 4))
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(bounds.add, labels))
    assert bounds.mean_iou() == stride_upper_bound(labels, 3, (8, 4))


def test_refusals() -> None:
    labels = torch.zeros(4, 4, dtype=torch.long)
    for factors in ((), (4, 0)):
        with pytest.raises(InputError, match=r"wanted strides of 1 pixel or more, got .*\nhint: pass factors="):
            stride_upper_bound([labels], 2, factors)
    with pytest.raises(InputError, match=r"wanted truth classes in 0\.\.1, got 16 counted pixels with others"):
        stride_upper_bound([labels + 2], 2)
