"""DeconvNet beyond the paper's setting: other sizes, switches, tiles."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close

from pixelwise.dense import TiledModel, check, receptive_field
from pixelwise.errors import InputError
from pixelwise.models.segmentation.deconvnet import DeconvNet, deconvnet


def small(classes: int = 3, width: int = 4) -> DeconvNet:
    return deconvnet(classes, width=width, hidden=16)


def settled(model: DeconvNet) -> DeconvNet:
    """In evaluation mode, with the batch statistics of random images, under which the scores are of ordinary size."""
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = None  # the statistics of what was seen, without those it started from
    with torch.no_grad():
        model.train()(torch.rand(2, 3, 256, 256))
    return model.eval()


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (101, 50), (224, 224), (225, 224)])
def test_any_size_gives_scores_of_that_size(size: tuple[int, int]):
    with torch.no_grad():
        scores = settled(small())(torch.rand(2, 3, *size))
    assert scores.shape == (2, 3, *size)
    assert scores.isfinite().all()


def test_other_sizes_are_extended_by_their_last_pixels_below_and_right():
    model = settled(small())
    images = torch.rand(1, 3, 100, 230)
    by_hand = model(F.pad(images, (0, 26, 0, 124), mode="replicate"))[..., :100, :230]
    assert torch.equal(model(images), by_hand)


def test_the_forward_pass_layer_by_layer():
    # Every layer called by its place, unpooling cell by cell.
    model = settled(small(width=2)).double()
    images = torch.rand(1, 3, 224, 224, dtype=torch.float64)
    x, kept = images, []
    for layer in model.features:
        if isinstance(layer, nn.MaxPool2d):
            kept.append(x)
        x = layer(x)
    assert x.shape[-2:] == (7, 7)
    x = model.fc6(x)
    assert x.shape == (1, 16, 1, 1)
    x = model.fc6_deconv(model.fc7(x))
    assert x.shape[-2:] == (7, 7)
    for stage in model.deconv:
        x = stage(put_back(x, kept.pop()))
    assert_close(model(images), model.score(x))


def put_back(x: Tensor, before: Tensor) -> Tensor:
    """Each value where the first maximum of its 2x2 cells was before pooling."""
    result = torch.zeros_like(before[:, : x.shape[1]])
    rows, columns = x.shape[-2:]
    cells = before.unfold(2, 2, 2).unfold(3, 2, 2).reshape(*before.shape[:2], rows, columns, 4)
    first = cells.eq(cells.amax(-1, keepdim=True)).int().argmax(-1)
    for place in range(4):
        here = (first == place) * x
        result[..., place // 2 :: 2, place % 2 :: 2] = here
    return result


def test_every_parameter_gets_a_gradient():
    model = small().train()
    scores = model(torch.rand(2, 3, 64, 96))
    (scores * torch.randn_like(scores)).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


def test_one_small_image_is_no_batch_to_train_on():
    model = small()
    with pytest.raises(InputError) as refusal:
        model.train()(torch.rand(1, 3, 50, 224))
    assert str(refusal.value) == (
        "wanted at least two images, or one beyond 224x224, to train DeconvNet's batch normalisation on, "
        "got one image of 50x224\nhint: raise the batch size or the crop"
    )
    assert model(torch.rand(1, 3, 224, 225)).shape == (1, 3, 224, 225)
    assert model.eval()(torch.rand(1, 3, 50, 224)).shape == (1, 3, 50, 224)


def test_no_class_is_refused():
    with pytest.raises(InputError, match="wanted num_classes >= 1, got num_classes = 0"):
        small(classes=0)


def test_a_batch_equals_its_images():
    model = settled(small()).double()
    images = torch.rand(3, 3, 40, 50, dtype=torch.float64)
    with torch.no_grad():
        assert_close(model(images), torch.cat([model(image[None]) for image in images]))


def test_flat_images_give_numbers():
    # All cells of a pooling are equal then.
    model = small()
    for value in (0.0, 1.0):
        images = torch.full((2, 3, 64, 64), value)
        assert model.train()(images).isfinite().all()
        assert model.eval()(images).isfinite().all()


def test_by_its_steps_the_network_counts_as_unbounded():
    model = settled(small(width=2))
    field = receptive_field(model, 256)
    assert not field.exact
    assert "max_pool2d_with_indices" in field.blocked_by
    assert not check(model, 256).tile_exact.exact


def test_what_is_cut_off_far_away_changes_nothing():
    model = settled(small(width=2)).double()
    image = torch.rand(1, 3, 224, 1344, dtype=torch.float64)
    with torch.no_grad():
        expected, found = model(image), model(image[..., :960])
    # Going by the published kernels a score sees less than 448 pixels to each side.
    assert_close(found[..., :512], expected[..., :512])
    assert not torch.allclose(found[..., 940:], expected[..., 940:960])


@pytest.mark.slow
def test_tiles_equal_the_whole_all_the_same():
    model = settled(small())
    tiles = TiledModel(model, tile=320)
    assert tiles.field.bounded
    assert tiles.field.alignment == (32, 32)
    image = torch.rand(3, 250, 1200)
    assert tiles.plan((250, 1200)).tiles == 4
    with torch.no_grad():
        expected = model(image[None])[0]
    found = tiles.run(image)
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.compile
@pytest.mark.filterwarnings("default")  # torch's own compiler and exporter warn of themselves
def test_it_compiles_as_one_graph_and_exports_for_any_batch():
    model = settled(small())
    images = torch.rand(2, 3, 48, 64)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    program = torch.export.export(model, (images,), dynamic_shapes={"images": {0: torch.export.Dim("batch", min=1)}})
    with torch.no_grad():
        expected = model(images)
        assert_close(compiled(images), expected, rtol=0, atol=1e-5 * float(expected.abs().max()))
        more = torch.rand(5, 3, 48, 64)
        assert_close(program.module()(more), model(more), rtol=0, atol=1e-5 * float(expected.abs().max()))
