"""What every flow network promises, whichever it is."""

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pixelwise.errors import InputError
from pixelwise.models.catalog import by_task
from pixelwise.models.flow.outputs import STRIDES, UNIT, pixel_flow

NETWORKS = by_task["flow"]


@pytest.fixture(params=sorted(NETWORKS))
def model(request: pytest.FixtureRequest) -> nn.Module:
    builder: Callable[..., nn.Module] = NETWORKS[request.param]
    torch.manual_seed(0)
    return builder(width=4)


def pairs(count: int = 1, size: tuple[int, int] = (64, 128)) -> tuple[Tensor, Tensor]:
    first, second = torch.rand(2, count, 3, *size, generator=torch.Generator().manual_seed(1))
    return first, second


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (65, 33), (64, 64), (101, 50)])
def test_any_size_works(model: nn.Module, size: tuple[int, int]):
    with torch.no_grad():
        flows = model(*pairs(2, size))
    height, width = size
    assert [tuple(flow.shape) for flow in flows] == [(2, 2, -(-height // s), -(-width // s)) for s in STRIDES]
    assert all(flow.isfinite().all() for flow in flows)
    assert pixel_flow(flows, size).shape == (2, 2, *size)


def test_a_batch_equals_its_pairs_one_by_one(model: nn.Module):
    # In float64: in float32 the convolutions of a batch are summed in another order.
    first, second = (images.double() for images in pairs(3))
    model.double().eval()
    with torch.no_grad():
        together = model(first, second)
        singly = [model(one[None], other[None]) for one, other in zip(first, second, strict=True)]
    for level, flow in enumerate(together):
        torch.testing.assert_close(flow, torch.cat([flows[level] for flows in singly]), rtol=0, atol=1e-12)


def test_every_parameter_gets_a_gradient(model: nn.Module):
    flows = model.train()(*pairs(2))
    sum((flow * torch.randn_like(flow)).sum() for flow in flows).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_flat_images_give_numbers(model: nn.Module, value: float):
    flat = torch.full((1, 3, 64, 64), value)
    assert all(flow.isfinite().all() for flow in model(flat, flat))


def test_training_and_evaluation_return_the_same(model: nn.Module):
    images = pairs(2)
    with torch.no_grad():
        learning, working = model.train()(*images), model.eval()(*images)
    assert all(torch.equal(one, other) for one, other in zip(learning, working, strict=True))


def test_weights_survive_safetensors(model: nn.Module, tmp_path: Path):
    save_file(model.state_dict(), tmp_path / "weights.safetensors")
    other = copy.deepcopy(model)
    for weight in other.parameters():
        nn.init.ones_(weight)
    other.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    with torch.no_grad():
        assert torch.equal(other(*pairs())[0], model(*pairs())[0])


def test_the_order_of_the_images_matters(model: nn.Module):
    first, second = pairs()
    with torch.no_grad():
        assert not torch.allclose(model(first, second)[0], model(second, first)[0])


def test_the_images_stay_as_they_are(model: nn.Module):
    first, second = pairs(1, (50, 70))
    before = first.clone(), second.clone()
    with torch.no_grad():
        model(first, second)
    assert torch.equal(first, before[0])
    assert torch.equal(second, before[1])


@pytest.mark.compile
def test_images_of_two_sizes_are_refused(model: nn.Module):
    with pytest.raises(InputError, match=r"two images of one shape, got \(1, 3, 64, 64\) and \(1, 3, 64, 128\)"):
        model(pairs(size=(64, 64))[0], pairs(size=(64, 128))[1])


def test_images_without_pixels_are_refused(model: nn.Module):
    with pytest.raises(InputError, match=r"images with pixels, got shape \(1, 3, 0, 64\)"):
        model(*pairs(size=(0, 64)))


@pytest.mark.parametrize("width", [0, 1, 7])
def test_widths_that_cannot_be_halved_are_refused(width: int):
    for builder in NETWORKS.values():
        with pytest.raises(InputError, match=f"an even width of at least 2, got {width}"):
            builder(width=width)


def test_a_negative_displacement_is_refused():
    with pytest.raises(InputError, match="a max_displacement of at least 0, got -2"):
        NETWORKS["flownet_c"](width=4, max_displacement=-2)


@pytest.mark.compile
@pytest.mark.filterwarnings("default")  # torch's own exporter warns of itself
def test_it_exports_and_compiles_as_one_graph(model: nn.Module):
    images = pairs(2)
    with torch.no_grad():
        expected = model.eval()(*images)[0]
        compiled = torch.compile(model, fullgraph=True, backend="aot_eager")(*images)[0]
        exported = torch.export.export(model, images).module()(*images)[0]
    assert torch.allclose(compiled, expected, atol=1e-5)
    assert torch.allclose(exported, expected, atol=1e-5)


def test_pixel_flow_is_in_pixels_and_keeps_its_place():
    # A plane in the coordinates of the image stays that plane at every level, away from the border.
    height, width = 64, 128
    for level, stride in enumerate(STRIDES[:3]):
        y = (torch.arange(height // stride) + 0.5) * stride
        x = (torch.arange(width // stride) + 0.5) * stride
        plane = torch.stack([x.expand(len(y), -1), y[:, None].expand(-1, len(x))])[None] / UNIT
        flows = [torch.zeros(1, 2, height // s, width // s) for s in STRIDES]
        flows[level] = plane
        found = pixel_flow(tuple(flows), (height - 3, width - 5), level)
        inner = (..., slice(stride, height - stride - 3), slice(stride, width - stride - 5))
        expected = torch.stack(torch.meshgrid(torch.arange(height - 3), torch.arange(width - 5), indexing="ij"))
        torch.testing.assert_close(found[inner], (expected.flip(0)[None] + 0.5)[inner])
