"""The compiled loop: groups, the limit of each, its cache on disk, and compiling without one."""

from pathlib import Path

import numpy as np
import pytest

numba = pytest.importorskip("numba")

from pixelwise.kernels import suppression  # noqa: E402

BOXES = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10], [40, 0, 50, 10]], dtype=np.float32)


def test_groups_and_limits() -> None:
    order = np.array([1, 0, 2, 3, 0])
    one, two = np.array([0, 5]), np.array([0, 1, 5])
    assert suppression.survivors(BOXES, order, one, 0.5, 9).tolist() == [True, False, True, True, False]
    assert suppression.survivors(BOXES, order, two, 0.5, 9).tolist() == [True, True, True, True, False]
    assert suppression.survivors(BOXES, order, two, 0.5, 1).tolist() == [True, True, False, False, False]


def test_more_survivors_than_one_stretch() -> None:
    count = 3 * suppression.STRETCH + 7
    x = np.arange(count, dtype=np.float64) * 10
    boxes = np.stack([x, x * 0, x + 10, x * 0 + 10], axis=1)
    boxes[-1] = boxes[2 * suppression.STRETCH + 1]  # suppressed by a survivor in the third stretch
    alive = suppression.survivors(boxes, np.arange(count), np.array([0, count]), 0.5, count)
    assert alive.tolist() == [True] * (count - 1) + [False]


def test_the_boxes_are_not_changed() -> None:
    before = BOXES.copy()
    suppression.survivors(BOXES, np.arange(4), np.array([0, 4]), 0.5, 4)
    assert (before == BOXES).all()


def test_the_compiled_loop_is_kept_on_disk() -> None:
    suppression.survivors(BOXES, np.arange(4), np.array([0, 4]), 0.5, 4)
    stats = suppression._survivors.stats
    assert sum(stats.cache_hits.values()) + sum(stats.cache_misses.values()) >= 1
    assert list(Path(stats.cache_path).glob("suppression._survivors-*.nbi"))


def test_without_a_writable_folder_it_is_compiled_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    offered = []
    njit = numba.njit

    def without_cache(**options: object) -> object:
        offered.append(options)
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return njit(**options)

    monkeypatch.setattr(suppression.numba, "njit", without_cache)
    double = suppression.compiled(lambda x: x * 2)
    assert double(21) == 42
    assert [options.get("cache") for options in offered] == [True, None]
