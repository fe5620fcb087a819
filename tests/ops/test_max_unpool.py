"""Max-unpooling: pooling undone exactly, ties defined, gradients, bad indices named."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.ops.max_unpool import max_unpool
from references.max_unpool import max_unpool_by_hand

POOLINGS: list[dict[str, Any]] = [
    {"kernel_size": 2},
    {"kernel_size": (3, 2), "stride": (3, 2)},
    {"kernel_size": 3, "stride": 2, "padding": 1},  # overlapping: one pixel may be the largest of four windows
    {"kernel_size": 3, "stride": 1, "dilation": 2},
]


def pooled(maps: Tensor, pooling: dict[str, Any]) -> tuple[Tensor, Tensor]:
    values, indices = F.max_pool2d(maps, return_indices=True, **pooling)
    return values, indices


@pytest.mark.parametrize("pooling", POOLINGS)
def test_pooled_values_return_to_their_places(pooling: dict[str, Any]) -> None:
    maps = torch.randn(2, 3, 9, 12)
    back = max_unpool(*pooled(maps, pooling), (9, 12))
    kept = back != 0
    assert torch.equal(back[kept], maps[kept])
    assert torch.equal(kept.flatten(2).sum(-1), torch.tensor([[len(set(m)) for m in b] for b in places(maps, pooling)]))


def places(maps: Tensor, pooling: dict[str, Any]) -> list[list[list[int]]]:
    found: list[list[list[int]]] = pooled(maps, pooling)[1].flatten(2).tolist()
    return found


@pytest.mark.parametrize("pooling", POOLINGS)
def test_other_values_follow_the_definition(pooling: dict[str, Any]) -> None:
    # As in a decoder: the values have changed since the pooling, so that those of one pixel differ.
    values, indices = pooled(torch.randn(2, 3, 9, 12), pooling)
    changed = torch.randn_like(values)
    assert torch.equal(max_unpool(changed, indices, (9, 12)), max_unpool_by_hand(changed, indices, (9, 12)))


def test_hand_worked() -> None:
    values, indices = torch.tensor([[[5.0, -2.0], [7.0, 7.0]]]), torch.tensor([[[0, 4], [5, 5]]])
    assert max_unpool(values, indices, (2, 3)).tolist() == [[[5, 0, 0], [0, -2, 7]]]
    assert max_unpool(values[0], indices[0].int(), (2, 3)).tolist() == [[5, 0, 0], [0, -2, 7]]


@pytest.mark.parametrize("pooling", POOLINGS[:2])
def test_agrees_with_torch_where_windows_do_not_overlap(pooling: dict[str, Any]) -> None:
    values, indices = pooled(torch.randn(2, 3, 9, 12), pooling)
    expected = F.max_unpool2d(values, indices, output_size=(9, 12), **pooling)
    assert torch.equal(max_unpool(values, indices, (9, 12)), expected)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_gradients(pooling: dict[str, Any]) -> None:
    values, indices = pooled(torch.randn(1, 2, 6, 6).double(), pooling)
    changed = torch.randn_like(values).requires_grad_()
    assert torch.autograd.gradcheck(lambda changed: max_unpool(changed, indices, (6, 6)), changed)


def test_equal_values_share_the_gradient() -> None:
    values = torch.tensor([[3.0, 3.0, 1.0]], requires_grad=True)
    max_unpool(values, torch.tensor([[1, 1, 1]]), (1, 2)).sum().backward()
    assert values.grad is not None
    assert values.grad.tolist() == [[0.5, 0.5, 0]]


def test_runs_agree_bit_for_bit() -> None:
    values, indices = pooled(torch.randn(4, 8, 65, 65), POOLINGS[2])
    changed = torch.randn_like(values)
    assert torch.equal(max_unpool(changed, indices, (65, 65)), max_unpool(changed, indices, (65, 65)))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.uint8, torch.bool])
def test_any_type(dtype: torch.dtype) -> None:
    for indices in (torch.tensor([[0, 3]]), torch.tensor([[2, 2]])):
        back = max_unpool(torch.ones(1, 2).to(dtype), indices, (2, 2))
        assert back.dtype == dtype
        assert back.sum() == len(set(indices[0].tolist()))


@pytest.mark.parametrize("shape", [(0, 3, 2, 2), (2, 0, 2, 2), (2, 3, 0, 2)])
def test_nothing_gives_zeros(shape: tuple[int, ...]) -> None:
    back = max_unpool(torch.zeros(shape), torch.zeros(shape, dtype=torch.long), (4, 5))
    assert back.shape == (*shape[:2], 4, 5)
    assert (back == 0).all()


def test_strided_maps() -> None:
    values, indices = pooled(torch.randn(2, 3, 8, 8), POOLINGS[0])
    last = (values.contiguous(memory_format=torch.channels_last), indices.contiguous(memory_format=torch.channels_last))
    assert torch.equal(max_unpool(*last, (8, 8)), max_unpool(values, indices, (8, 8)))


@pytest.mark.parametrize("bad", [-1, 6, 10**12])
def test_places_off_the_map_are_named(bad: int) -> None:
    with pytest.raises(InputError, match=rf"indices of 0 to 5 for maps of 2x3, got {bad}\nhint: pass as size the size"):
        max_unpool(torch.ones(1, 2), torch.tensor([[0, bad]]), (2, 3))


def test_what_does_not_fit_is_named() -> None:
    values = torch.ones(1, 2, 2)
    with pytest.raises(
        InputError, match=r"values of shape \(1, 2, 2\) on cpu and indices of torch.int64, shape \(1, 2, 3"
    ):
        max_unpool(values, torch.zeros(1, 2, 3, dtype=torch.long), (4, 4))
    with pytest.raises(InputError, match=r"indices of torch.float32"):
        max_unpool(values, torch.zeros(1, 2, 2), (4, 4))
    with pytest.raises(InputError, match=r"indices of torch.int64, shape \(1, 2, 2\) on meta"):
        max_unpool(values, torch.zeros(1, 2, 2, dtype=torch.long, device="meta"), (4, 4))
    for size in ((0, 4), (-1, 4)):
        with pytest.raises(InputError, match=r"the height and width of the maps before pooling, got size="):
            max_unpool(values, torch.zeros(1, 2, 2, dtype=torch.long), size)


@pytest.mark.compile
def test_compiles_and_exports() -> None:
    values, indices = pooled(torch.randn(2, 3, 9, 12), POOLINGS[2])

    class Network(torch.nn.Module):
        def forward(self, values: Tensor, indices: Tensor) -> Tensor:
            return max_unpool(values, indices, (9, 12))

    expected = max_unpool(values, indices, (9, 12))
    assert torch.equal(torch.compile(Network(), fullgraph=True, backend="aot_eager")(values, indices), expected)
    assert torch.equal(torch.export.export(Network(), (values, indices)).module()(values, indices), expected)
