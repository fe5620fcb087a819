"""FCN-32s, 16s and 8s: converted layers, alignment, stages, any size, tiles."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.testing import assert_close

from pixelwise.backbones import vgg16
from pixelwise.dense import TiledModel, convolutionalize, receptive_field
from pixelwise.errors import InputError
from pixelwise.models.segmentation.fcn import FCN, fcn8s, fcn16s, fcn32s, load_stage
from pixelwise.models.segmentation.upsampling import Upsample
from pixelwise.models.segmentation.vgg_layers import as_convolution, extended

STAGES = {"32s": fcn32s, "16s": fcn16s, "8s": fcn8s}
KINDS = ["bilinear", "learned", "shift_and_stitch"]


def small(stage: str = "8s", upsampling: str = "learned", classes: int = 3) -> FCN:
    return STAGES[stage](classes, width=4, hidden=16, upsampling=upsampling)


def trained(model: FCN) -> FCN:
    """The network with skip scores that are no longer 0."""
    for parameter in model.skip_scores.parameters():
        nn.init.normal_(parameter)
    return model


def test_a_classifiers_weight_file_fills_all_layers_but_the_scores(tmp_path: Path):
    vgg = vgg16(width=2, hidden=8)
    save_file(vgg.state_dict(), tmp_path / "vgg16.safetensors")
    model = fcn8s(3, weights=tmp_path / "vgg16.safetensors", width=2, hidden=8)
    assert torch.equal(model.features[0].weight, vgg.features[0].weight)
    assert torch.equal(model.head.conv6.weight.flatten(1), vgg.classifier[0].weight)
    assert torch.equal(model.head.conv7.weight.flatten(1), vgg.classifier[3].weight)
    assert torch.equal(model.head.conv7.bias, vgg.classifier[3].bias)


def test_a_fully_connected_layer_and_its_convolution_agree():
    linear = nn.Linear(5 * 9, 4)
    features = torch.randn(2, 5, 3, 3, dtype=torch.float64)
    convolution = as_convolution(linear, kernel=3).double()
    assert_close(convolution(features).flatten(1), linear.double()(features.flatten(1)))


def test_conv6_and_conv7_are_the_classifiers_own_layers():
    # The dense engine's conversion of the classifier, cut off before its scores, on an image larger than 224 pixels.
    vgg = vgg16(width=4, hidden=16).eval()
    scores = nn.Linear(16, 3)
    vgg.classifier[6] = scores
    model = FCN(vgg, 3, skips=0, upsampling="bilinear").eval()
    model.head.score.load_state_dict({"weight": scores.weight[..., None, None], "bias": scores.bias})
    images = torch.rand(1, 3, 288, 320)
    expected = convolutionalize(vgg, 224)(images).detach()
    assert expected.shape[-2:] == (3, 4)
    found = model.coarse(images)
    assert found.shape[-2:] == (9, 10)
    assert_close(found[..., 3:-3, 3:-3], expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(1, 1), (7, 70), (33, 65), (64, 64), (101, 50)])
def test_any_size_gives_scores_of_that_size(kind: str, size: tuple[int, int]):
    scores = trained(small(upsampling=kind)).eval()(torch.rand(2, 3, *size))
    assert scores.shape == (2, 3, *size)
    assert scores.isfinite().all()


def test_other_sizes_are_extended_by_their_last_pixels_below_and_right():
    model = trained(small()).eval()
    images = torch.rand(1, 3, 40, 33)
    by_hand = model(F.pad(images, (0, 31, 0, 24), mode="replicate"))[..., :40, :33]
    assert torch.equal(model(images), by_hand)
    assert extended(images, 32).shape[-2:] == (64, 64)
    assert extended(images, 32, least=224).shape[-2:] == (224, 224)
    assert extended(images[..., :32, :32], 32).shape[-2:] == (32, 32)


@pytest.mark.parametrize("kind", ["bilinear", "learned"])
@pytest.mark.parametrize("stage", STAGES)
def test_scores_stand_over_the_pixels_they_describe(stage: str, kind: str):
    field = receptive_field(small(stage, kind))
    assert field.stride == (1, 1)
    assert field.offset == (0.5, 0.5)  # the centre of the first pixel
    assert field.alignment == (32, 32)


@pytest.mark.parametrize("stage", STAGES)
def test_stitched_scores_stand_half_a_pixel_off_as_every_even_stride_must(stage: str):
    field = receptive_field(small(stage, "shift_and_stitch"))
    assert field.stride == (1, 1)
    assert field.offset == (0.0, 0.0)
    assert field.size == (404, 404)


def mirrored(model: FCN) -> None:
    """Makes every kernel its own mirror image."""
    for part in model.modules():
        if isinstance(part, nn.Conv2d):
            part.weight.data = (part.weight.data + part.weight.data.flip(-1)) / 2


@pytest.mark.parametrize("kind", ["bilinear", "learned"])
def test_a_mirrored_image_gives_the_mirrored_scores(kind: str):
    model = trained(small(upsampling=kind)).double().eval()
    mirrored(model)
    images = torch.rand(1, 3, 64, 96, dtype=torch.float64)
    assert_close(model(images.flip(-1)), model(images).flip(-1))


def test_all_kinds_share_the_names_of_their_weights():
    names = [set(small(upsampling=kind).state_dict()) for kind in KINDS]
    assert names[0] == names[2]
    assert names[1] - names[0] == {"doublings.0.weight", "doublings.1.weight", "last.weight"}


def test_a_trained_network_can_be_stitched_instead_of_interpolated():
    # In the middle of an image of one colour nothing is left to interpolate, and both must agree.
    model = trained(small("8s", "bilinear")).eval()
    stitched = small("8s", "shift_and_stitch").eval()
    stitched.load_state_dict(model.state_dict())
    images = torch.full((1, 3, 544, 544), 0.7)
    middle = (..., slice(256, 288), slice(256, 288))
    expected = model(images)[middle].detach()
    assert_close(stitched(images)[middle], expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


def test_stitched_scores_at_cell_corners_are_the_coarse_ones():
    # Without skips: the score half a pixel before pixel 32 i + 16 is that of cell i, whatever the picture shows.
    model = small("32s", "bilinear").eval()
    stitched = small("32s", "shift_and_stitch").eval()
    stitched.load_state_dict(model.state_dict())
    images = torch.rand(1, 3, 512, 512)
    coarse, dense = model.coarse(images).detach(), stitched(images).detach()
    # Cells 7 and 8 see pixels 38..473 at most: no zeros of either network's border.
    assert_close(
        dense[..., 16::32, 16::32][..., 7:9, 7:9], coarse[..., 7:9, 7:9], rtol=0, atol=1e-5 * float(coarse.abs().max())
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_learns_from_the_first_step(kind: str):
    model = small(upsampling=kind).train()
    scores = model(torch.rand(2, 3, 64, 64))
    (scores * torch.randn_like(scores)).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


def test_skip_scores_start_at_zero():
    model = small("8s", "bilinear").eval()
    assert len(model.skip_scores) == 2
    assert not any(parameter.any() for parameter in model.skip_scores.parameters())
    images = torch.rand(1, 3, 64, 64)
    double = Upsample(3, 2, "bilinear")
    coarsest = model.head(model.features(images))
    assert_close(model.coarse(images), double(double(coarsest)))


def test_stages_continue_from_one_another():
    first, second, third = (small(stage) for stage in STAGES)
    for parameter in first.parameters():
        nn.init.normal_(parameter, std=0.1)
    last = second.last.weight.clone()
    load_stage(second, first)
    assert torch.equal(second.head.score.weight, first.head.score.weight)
    assert torch.equal(second.features[0].weight, first.features[0].weight)
    assert torch.equal(second.last.weight, last)
    images = torch.rand(1, 3, 64, 64)
    assert_close(second.eval().coarse(images), Upsample(3, 2, "bilinear")(first.eval().coarse(images)))

    nn.init.normal_(second.skip_scores[0].weight)
    nn.init.normal_(second.doublings[0].weight)
    load_stage(third, second)
    assert torch.equal(third.skip_scores[0].weight, second.skip_scores[0].weight)
    assert torch.equal(third.doublings[0].weight, second.doublings[0].weight)
    assert not third.skip_scores[1].weight.any()
    assert_close(third.eval().coarse(images), Upsample(3, 2, "bilinear")(second.eval().coarse(images)))


def test_stages_that_do_not_fit_are_named():
    with pytest.raises(InputError) as refusal:
        load_stage(small("16s", classes=4), small("32s", classes=3))
    assert str(refusal.value) == (
        "wanted a coarser stage of the same network, with the same classes, width and upsampling, got "
        "head.score.weight: (3, 16, 1, 1), where (4, 16, 1, 1) is needed\n"
        "hint: build both with the same arguments: fcn32s, then fcn16s, then fcn8s"
    )
    with pytest.raises(InputError, match=r"skip_scores.1.weight: \(3, 16, 1, 1\), where no such weight is needed"):
        load_stage(small("16s"), small("8s"))


def test_senseless_settings_are_named():
    with pytest.raises(InputError) as refusal:
        fcn8s(0, width=4, hidden=16)
    assert str(refusal.value) == (
        "wanted num_classes >= 1, got num_classes = 0\nhint: pass the number of classes in the labels"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_equals_its_images_and_training_gives_the_same_form(kind: str):
    model = trained(small(upsampling=kind)).eval()
    images = torch.rand(3, 3, 40, 50)
    with torch.no_grad():
        together = model(images)
        singly = torch.cat([model(image[None]) for image in images])
    assert_close(together, singly, rtol=0, atol=1e-6 * float(singly.abs().max()))
    assert model.train()(images).shape == together.shape


def test_dropout_acts_in_training_only():
    model = small("32s")
    images = torch.rand(1, 3, 32, 32)
    assert torch.equal(model.eval()(images), model(images))
    draws = [model.train()(images) for _ in range(8)]
    assert any(not torch.equal(draws[0], other) for other in draws[1:])


@pytest.mark.parametrize("kind", ["bilinear", "learned", pytest.param("shift_and_stitch", marks=pytest.mark.slow)])
def test_tiles_equal_the_whole(kind: str):
    model = trained(fcn8s(3, width=2, hidden=4, upsampling=kind)).eval()
    whole, tiles = TiledModel(model, memory="4GB"), TiledModel(model, tile=128)
    assert tiles.field.bounded
    image = torch.rand(3, 50, 520)
    assert whole.plan((50, 520)).tiles == 1 < tiles.plan((50, 520)).tiles
    expected, found = whole.run(image), tiles.run(image)
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.compile
@pytest.mark.filterwarnings("default")  # torch's own compiler and exporter warn of themselves
@pytest.mark.parametrize("kind", KINDS)
def test_it_compiles_as_one_graph_and_exports_for_any_batch(kind: str):
    model = trained(small(upsampling=kind)).eval()
    images = torch.rand(2, 3, 48, 64)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    program = torch.export.export(model, (images,), dynamic_shapes={"images": {0: torch.export.Dim("batch", min=1)}})

    def equal(found: Tensor, expected: Tensor) -> None:
        assert_close(found, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))

    with torch.no_grad():
        equal(compiled(images), model(images))
        more = torch.rand(5, 3, 48, 64)
        equal(program.module()(more), model(more))
