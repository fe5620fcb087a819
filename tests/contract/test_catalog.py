"""What every network of the catalog that labels pixels promises, whichever it is."""

import copy
import inspect
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pixelwise.dense import TiledModel
from pixelwise.dense.probes.sizes import AcceptedSizes
from pixelwise.errors import InputError
from pixelwise.models.catalog import by_task

SEGMENTERS = by_task["segmentation"]

SMALL = {"width": 4, "depth": 2, "hidden": 16, "decoder_width": 4}
SMALL_OF = {"patch": {"size": 17}}
WIDE = ("context", "deconvnet", "fcn8s", "fcn16s", "fcn_resnet50", "front_end", "unet_resnet34", "unet_resnet50")
"""Networks whose receptive fields of hundreds of pixels take long to measure; each has a narrower relative here."""

CLASSES = 3


def small(name: str) -> nn.Module:
    """The network with few channels and levels, where it can be asked for them."""
    builder: Callable[..., nn.Module] = SEGMENTERS[name]
    accepted = inspect.signature(builder).parameters
    torch.manual_seed(0)
    return builder(CLASSES, **{key: value for key, value in SMALL.items() if key in accepted}, **SMALL_OF.get(name, {}))


@pytest.fixture(params=sorted(SEGMENTERS))
def model(request: pytest.FixtureRequest) -> nn.Module:
    return small(request.param)


def images_for(model: nn.Module, count: int = 1, at_least: tuple[int, int] = (48, 64)) -> Tensor:
    return torch.rand(count, 3, *AcceptedSizes(model).smallest(at_least), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (33, 65), (64, 64), (101, 50)])
def test_any_size_works_or_the_error_names_one_that_does(model: nn.Module, size: tuple[int, int]):
    model.eval()
    with torch.no_grad():
        try:
            scores = model(torch.rand(1, 3, *size))
        except InputError as refusal:
            named = re.search(r"(\d+)x(\d+)", refusal.hint)
            assert named, refusal
            scores = model(torch.rand(1, 3, int(named[1]), int(named[2])))
    assert scores.shape[:2] == (1, CLASSES)
    assert scores.isfinite().all()


def test_a_batch_equals_its_images_one_by_one(model: nn.Module):
    # In float64: in float32 the convolutions of a batch are summed in another order, and deep networks show it.
    images = images_for(model, 3).double()
    with torch.no_grad():
        together = model.double().eval()(images)
        singly = torch.cat([model(image[None]) for image in images])
    torch.testing.assert_close(together, singly, rtol=0, atol=1e-12 * float(singly.abs().max()) + 1e-12)


def test_every_parameter_gets_a_gradient(model: nn.Module):
    scores = model.train()(images_for(model, 2))
    weights = torch.randn(scores.shape, generator=torch.Generator().manual_seed(2))
    (scores * weights).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_flat_images_give_numbers(model: nn.Module, value: float):
    images = torch.full_like(images_for(model, 2), value)
    assert model.train()(images).isfinite().all()
    assert model.eval()(images).isfinite().all()


def test_training_and_evaluation_return_the_same_kind(model: nn.Module):
    images = images_for(model, 2)
    learning, working = model.train()(images), model.eval()(images)
    assert isinstance(learning, Tensor)
    assert isinstance(working, Tensor)
    assert learning.shape == working.shape
    assert learning.dtype == working.dtype


def test_weights_survive_safetensors(model: nn.Module, tmp_path: Path):
    images = images_for(model, 2)
    model.train()(images)  # batch statistics move away from where they started
    save_file(model.state_dict(), tmp_path / "weights.safetensors")
    other = copy.deepcopy(model)
    for weight in other.parameters():
        nn.init.ones_(weight)
    other.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    assert torch.equal(other.eval()(images), model.eval()(images))


def test_a_copy_is_equal_and_apart(model: nn.Module):
    images = images_for(model)
    twin = copy.deepcopy(model).eval()
    before = model.eval()(images)
    assert torch.equal(twin(images), before)
    for weight in twin.parameters():
        nn.init.zeros_(weight)
    assert torch.equal(model(images), before)


@pytest.mark.parametrize(
    "model",
    [pytest.param(name, marks=pytest.mark.slow) if name in WIDE else name for name in sorted(SEGMENTERS)],
    indirect=True,
)
def test_tiles_equal_the_whole_and_flip_no_label(model: nn.Module):
    with torch.no_grad():
        model.train()(images_for(model, 4))
    whole, tiles = TiledModel(model, memory="4GB"), TiledModel(model, tile=48)
    assert tiles.field.bounded
    image = torch.rand(3, 100, 130, generator=torch.Generator().manual_seed(3))
    assert whole.plan((100, 130)).tiles == 1 < tiles.plan((100, 130)).tiles
    expected, found = whole.run(image), tiles.run(image)
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()
    assert torch.equal(found.argmax(0), expected.argmax(0))


def assert_equal_scores(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


@pytest.mark.compile
def test_it_compiles_as_one_graph(model: nn.Module):
    images = images_for(model)
    # Graph capture is what a network can spoil; generating C++ for it takes a minute and is torch's own matter.
    compiled = torch.compile(model.eval(), fullgraph=True, backend="aot_eager")
    with torch.no_grad():
        assert_equal_scores(compiled(images), model(images))


@pytest.mark.compile
@pytest.mark.filterwarnings("default")  # torch's own compiler and exporter warn of themselves
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_the_smallest_unet_compiles_to_code():
    model = SEGMENTERS["unet"](2, width=2, depth=1).eval()
    images = torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        assert_equal_scores(torch.compile(model, fullgraph=True)(images), model(images))


@pytest.mark.compile
@pytest.mark.filterwarnings("default")
def test_it_exports_for_any_batch(model: nn.Module):
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(model.eval(), (images_for(model, 2),), dynamic_shapes={"images": {0: batch}})
    images = images_for(model, 5)
    with torch.no_grad():
        assert_equal_scores(program.module()(images), model(images))


@pytest.mark.compile
@pytest.mark.filterwarnings("default")
def test_padded_networks_export_for_any_multiple_of_their_stride():
    # The catalog's U-Net pads nothing then; other sizes need a program of their own.
    model = small("unet")
    batch, rows, columns = (torch.export.Dim(name, min=4, max=64) for name in ("batch", "rows", "columns"))
    sizes = {"images": {0: batch, 2: 4 * rows, 3: 4 * columns}}
    program = torch.export.export(model.eval(), (torch.rand(5, 3, 48, 64),), dynamic_shapes=sizes)
    images = torch.rand(4, 3, 40, 100)
    with torch.no_grad():
        assert_equal_scores(program.module()(images), model(images))
