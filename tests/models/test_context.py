"""The dilated front end and the context module: identity at the start, borders, any size, tiles."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close

from pixelwise.backbones import vgg16
from pixelwise.dense import TiledModel, receptive_field
from pixelwise.errors import InputError
from pixelwise.models.segmentation.context import ContextModule, FrontEnd, context_net, front_end, pass_through
from pixelwise.models.segmentation.vgg_layers import score_head
from pixelwise.ops import read_window

KINDS = ["bilinear", "learned", "shift_and_stitch"]


def small(upsampling: str = "learned", border: str = "zeros", size: str = "basic") -> FrontEnd:
    return context_net(3, size, width=2, hidden=8, upsampling=upsampling, border=border)


def largest(scores: Tensor) -> float:
    return float(scores.detach().abs().max())


def test_the_basic_module_starts_as_the_identity_of_positive_scores():
    scores = torch.randn(2, 5, 20, 30)
    assert torch.equal(ContextModule(5)(scores), scores.relu())


def test_the_large_module_starts_close_to_the_identity_of_positive_scores():
    scores = torch.rand(2, 5, 40, 40) + 0.5
    passed = ContextModule(5, "large")(scores)
    assert 0 < largest(passed - scores) < 0.25
    assert float((passed.argmax(1) == scores.argmax(1)).float().mean()) > 0.8


def test_without_noise_the_large_module_passes_scores_exactly():
    module = ContextModule(3, "large").double()
    for layer in module:
        if isinstance(layer, nn.Conv2d):
            pass_through(layer, 3, noise=0)
    scores = torch.randn(1, 3, 20, 20, dtype=torch.float64)
    assert_close(module(scores), scores.relu())


@pytest.mark.parametrize(("inputs", "outputs"), [(3, 3), (3, 6), (6, 6), (6, 12), (12, 24), (96, 96), (96, 3)])
def test_first_weights_are_those_of_equation_5(inputs: int, outputs: int):
    layer = nn.Conv2d(inputs, outputs, 3)
    pass_through(layer, 3, noise=0)
    for b in range(outputs):
        for a in range(inputs):
            expected = torch.zeros(3, 3)
            if a * 3 // inputs == b * 3 // outputs:
                expected[1, 1] = 3 / outputs
            assert torch.equal(layer.weight[b, a], expected)
    assert not layer.bias.any()


def test_noise_is_small_beside_the_weights_that_pass_scores():
    layer = nn.Conv2d(30, 60, 3)
    pass_through(layer, 30, noise=0.01)
    share = 0.5
    passing = layer.weight == share
    assert passing.sum() == 60
    noise = layer.weight[~passing].detach()
    # The deviation of n normal draws scatters by 1 / sqrt(2 n) of itself; 5 of those.
    assert float(noise.std()) == pytest.approx(0.01 * share, rel=5 / (2 * noise.numel()) ** 0.5)


@pytest.mark.parametrize("border", ["zeros", "reflect"])
def test_at_the_start_the_network_gives_the_front_ends_scores(border: str):
    network = small(border=border).eval()
    alone = front_end(3, width=2, hidden=8, border=border).eval()
    alone.load_state_dict({name: v for name, v in network.state_dict().items() if not name.startswith("context")})
    images = torch.rand(1, 3, 40, 50)
    scores = alone(images)
    assert largest(scores - 1) < 0.5  # around 1, so that no ReLU cuts
    assert_close(network(images), scores)


def test_every_fourth_score_is_that_of_strides_instead_of_dilations():
    # The identity behind dilation: with the last two poolings as plain strides (a maximum over one cell), the
    # classifier's undilated layers give every fourth score, up to the border.
    vgg = vgg16(width=2, hidden=8)
    network = FrontEnd(vgg, 3, upsampling="bilinear").double().eval()
    layers = list(vgg.features)
    pools = [place for place, layer in enumerate(layers) if isinstance(layer, nn.MaxPool2d)]
    for place in pools[-2:]:
        layers[place] = nn.MaxPool2d(1, 2)
    head = score_head(vgg, 3, dropout=0, padding=3)
    head.load_state_dict(network.head.state_dict())
    strided = nn.Sequential(*layers, head).double().eval()
    images = torch.rand(1, 3, 160, 96, dtype=torch.float64)
    expected = strided(images)
    assert expected.shape[-2:] == (5, 3)
    assert_close(network.coarse(images)[..., ::4, ::4], expected)


def test_the_classifier_stays_as_it_was():
    vgg = vgg16(width=2, hidden=8)
    images = torch.rand(1, 3, 64, 64)
    before = vgg.eval()(images)
    network = FrontEnd(vgg, 3)
    for weight in network.parameters():
        nn.init.zeros_(weight)
    assert torch.equal(vgg(images), before)


@pytest.mark.parametrize("border", ["zeros", "reflect"])
@pytest.mark.parametrize("kind", KINDS)
def test_any_size_gives_scores_of_that_size(kind: str, border: str):
    network = small(kind, border).eval()
    for size in [(1, 1), (7, 70), (33, 65), (101, 50)]:
        with torch.no_grad():
            scores = network(torch.rand(2, 3, *size))
        assert scores.shape == (2, 3, *size)
        assert scores.isfinite().all()


def test_reflected_borders_are_those_of_an_image_mirrored_beforehand():
    network = front_end(3, width=2, hidden=8, upsampling="bilinear", border="reflect").eval()
    images = torch.rand(1, 3, 30, 44)
    mirrored = read_window(images, -186, -186, (32 + 372, 48 + 372), border="reflect")
    by_hand = network.head(network.features(mirrored))
    assert by_hand.shape[-2:] == (4, 6)
    expected = F.interpolate(by_hand, scale_factor=8, mode="bilinear")[..., :30, :44]
    assert_close(network(images), expected)


@pytest.mark.parametrize("kind", ["bilinear", "learned"])
def test_scores_stand_over_the_pixels_they_describe(kind: str):
    field = receptive_field(small(kind))
    assert field.stride == (1, 1)
    assert field.offset == (0.5, 0.5)  # the centre of the first pixel
    assert field.alignment == (8, 8)


def test_stitched_scores_at_cell_corners_are_the_coarse_ones():
    # Mirrored images have no zeros anywhere, so that this holds up to the border.
    network = front_end(3, width=2, hidden=8, upsampling="bilinear", border="reflect").eval()
    stitched = front_end(3, width=2, hidden=8, upsampling="shift_and_stitch", border="reflect").eval()
    stitched.load_state_dict(network.state_dict())
    images = torch.rand(1, 3, 24, 40)
    with torch.no_grad():
        coarse = network.coarse(images)
        assert coarse.shape[-2:] == (3, 5)
        assert_close(stitched(images)[..., 4::8, 4::8], coarse, rtol=0, atol=1e-5 * largest(coarse))


@pytest.mark.parametrize("size", ["basic", "large"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_learns_from_the_first_step(kind: str, size: str):
    network = small(kind, size=size).train()
    scores = network(torch.rand(2, 3, 64, 64))
    (scores * torch.randn_like(scores)).sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


def test_a_batch_equals_its_images_and_training_gives_the_same_form():
    network = small().double().eval()
    images = torch.rand(3, 3, 40, 50, dtype=torch.float64)
    with torch.no_grad():
        together = network(images)
        assert_close(together, torch.cat([network(image[None]) for image in images]))
    assert network.train()(images).shape == together.shape


@pytest.mark.parametrize("border", ["zeros", pytest.param("reflect", marks=pytest.mark.slow)])
def test_tiles_equal_the_whole(border: str):
    network = small(border=border).eval()
    tiles = TiledModel(network, tile=256)
    assert tiles.field.bounded
    image = torch.rand(3, 20, 1500)
    assert tiles.plan((20, 1500)).tiles == 6
    with torch.no_grad():
        expected = network(image[None])[0]
    assert largest(tiles.run(image) - expected) <= 1e-5 * largest(expected)


def test_senseless_settings_are_named():
    with pytest.raises(InputError) as refusal:
        front_end(0, width=2, hidden=8)
    assert str(refusal.value) == (
        "wanted num_classes >= 1, got num_classes = 0\nhint: pass the number of classes in the labels"
    )


@pytest.mark.compile
@pytest.mark.filterwarnings("default")  # torch's own compiler and exporter warn of themselves
@pytest.mark.parametrize("border", ["zeros", "reflect"])
@pytest.mark.parametrize("kind", ["learned", "shift_and_stitch"])
def test_it_compiles_as_one_graph_and_exports_for_any_batch(kind: str, border: str):
    network = small(kind, border).eval()
    images = torch.rand(2, 3, 48, 64)
    compiled = torch.compile(network, fullgraph=True, backend="aot_eager")
    program = torch.export.export(network, (images,), dynamic_shapes={"images": {0: torch.export.Dim("batch", min=1)}})
    with torch.no_grad():
        expected = network(images)
        assert_close(compiled(images), expected, rtol=0, atol=1e-5 * largest(expected))
        more = torch.rand(5, 3, 48, 64)
        assert_close(program.module()(more), network(more), rtol=0, atol=1e-5 * largest(expected))


@pytest.mark.compile  # without the shape checker, which refuses these first
def test_other_words_are_refused():
    with pytest.raises(InputError, match='context module of size "basic" or "large", got \'small\''):
        ContextModule(3, "small")  # type: ignore[arg-type]
    with pytest.raises(InputError, match='border "zeros" or "reflect", got \'edge\''):
        front_end(3, width=2, hidden=8, border="edge")  # type: ignore[arg-type]
