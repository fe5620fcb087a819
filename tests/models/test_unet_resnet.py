"""A U-Net on a classifier: scores of any size, skips where they belong, tiles that equal the whole."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from pixelwise.backbones import resnet18, vgg11
from pixelwise.dense import TiledModel
from pixelwise.dense.folding import fold_batch_norm
from pixelwise.errors import InputError
from pixelwise.models.segmentation.unet_resnet import BackboneUNet, unet_resnet18, unet_resnet34, unet_resnet50

CLASSES = 3


@pytest.fixture
def model() -> BackboneUNet:
    return unet_resnet18(CLASSES, width=2, decoder_width=2)


def images(count: int = 1, height: int = 64, width: int = 96, seed: int = 1) -> Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed))


def assert_equal_scores(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


def test_each_step_up_has_the_level_of_its_stride_beside_it(model: BackboneUNet):
    def raised(features: Tensor) -> Tensor:
        return features.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)

    model.eval()
    with torch.no_grad():
        quarter, eighth, sixteenth, bottom = model.encoder.levels(images())
        features = model.up[0](torch.cat([raised(bottom), sixteenth], dim=1))
        features = model.up[1](torch.cat([raised(features), eighth], dim=1))
        features = model.up[2](torch.cat([raised(features), quarter], dim=1))
        features = model.up[3](raised(features))
        features = model.up[4](torch.cat([raised(features), images()], dim=1))
        assert torch.equal(model(images()), model.classify(features))


def test_channels_halve_upwards_from_stride_16_on():
    network = unet_resnet18(CLASSES, width=1, decoder_width=3)
    assert [step[0].out_channels for step in network.up] == [48, 24, 12, 6, 3]
    assert [step[0].in_channels for step in network.up] == [8 + 4, 48 + 2, 24 + 1, 12, 6 + 3]


@pytest.mark.parametrize(
    ("encoder", "steps"),
    [
        (resnet18(width=1, dilate=(False, True, True)), 3),
        (resnet18(width=1, dilate=(False, False, True)), 4),
        (vgg11(width=1, hidden=1), 5),
    ],
    ids=["stride 8", "stride 16", "vgg"],
)
def test_any_backbone_will_do(encoder: nn.Module, steps: int):
    network = BackboneUNet(encoder, CLASSES, decoder_width=2).eval()
    assert len(network.up) == steps
    assert network(images(1, 37, 50)).shape == (1, CLASSES, 37, 50)


@pytest.mark.parametrize(("builder", "blocks"), [(unet_resnet34, 16), (unet_resnet50, 16), (unet_resnet18, 8)])
def test_the_encoders_are_the_named_ones(builder, blocks: int):
    network = builder(CLASSES, width=1, decoder_width=1)
    assert len([name for name, _ in network.named_modules() if name.endswith("conv2")]) == blocks
    assert network(images(2)).shape == (2, CLASSES, 64, 96)


def test_other_sizes_are_extended_by_their_last_pixels_below_and_right(model: BackboneUNet):
    pixels = images(1, 50, 41)
    by_hand = model.eval()(F.pad(pixels, (0, 23, 0, 14), mode="replicate"))[..., :50, :41]
    assert torch.equal(model(pixels), by_hand)


@pytest.mark.parametrize("size", [(1, 1), (7, 90), (33, 65)])
def test_scores_are_as_large_as_the_image(model: BackboneUNet, size: tuple[int, int]):
    scores = model.eval()(images(1, *size))
    assert scores.shape == (1, CLASSES, *size)
    assert scores.isfinite().all()


def test_a_batch_equals_its_images_one_by_one(model: BackboneUNet):
    pixels = images(3)
    with torch.no_grad():
        together = model.eval()(pixels)
        singly = torch.cat([model(image[None]) for image in pixels])
    assert_equal_scores(together, singly)


def test_every_parameter_gets_a_gradient(model: BackboneUNet):
    scores = model.train()(images(2))
    (scores * torch.randn(scores.shape, generator=torch.Generator().manual_seed(2))).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_flat_images_give_numbers(model: BackboneUNet, value: float):
    pixels = torch.full((2, 3, 64, 96), value)
    assert model.train()(pixels).isfinite().all()
    assert model.eval()(pixels).isfinite().all()


def test_tiles_equal_the_whole_and_flip_no_label(model: BackboneUNet):
    with torch.no_grad():
        model.train()(images(4))
    tiles = TiledModel(model, tile=48)
    assert tiles.field.bounded
    assert tiles.field.alignment == (32, 32)
    image = images(1, 60, 90, seed=3)
    assert tiles.plan((60, 90)).tiles > 1
    with torch.no_grad():
        expected, found = model.eval()(image)[0], tiles.run(image[0])
    assert_equal_scores(found, expected)
    assert torch.equal(found.argmax(0), expected.argmax(0))


def test_all_batch_norms_fold_away(model: BackboneUNet):
    with torch.no_grad():
        model.double().train()(images(4).double())
        folded = fold_batch_norm(model)
        assert len(folded.folded) == sum(isinstance(part, nn.BatchNorm2d) for part in model.modules())
        expected = model.eval()(images().double())
        scale = float(expected.abs().max())
        torch.testing.assert_close(folded(images().double()), expected, rtol=0, atol=1e-12 * scale)


def test_the_encoder_starts_from_a_classifiers_weights(tmp_path: Path):
    classifier = resnet18(width=2).eval()
    save_file(classifier.state_dict(), tmp_path / "weights.safetensors")
    torch.manual_seed(1)
    network = unet_resnet18(CLASSES, tmp_path / "weights.safetensors", width=2, decoder_width=2).eval()
    for found, expected in zip(network.encoder.levels(images()), classifier.levels(images()), strict=True):
        assert torch.equal(found, expected)
    assert not any(".fc." in name for name in network.state_dict())


@pytest.mark.parametrize(("name", "value"), [("num_classes", 0), ("decoder_width", 0)])
def test_senseless_settings_are_named(name: str, value: int):
    with pytest.raises(InputError) as refusal:
        BackboneUNet(resnet18(width=1), **{"num_classes": 2, name: value})
    assert str(refusal.value) == f"wanted {name} >= 1, got {name} = {value}\nhint: pass {name}=1 or more"


def test_an_encoder_without_levels_is_refused():
    with pytest.raises(InputError, match="an encoder with levels, channels and strides, got Conv2d"):
        BackboneUNet(nn.Conv2d(3, 2, 1), CLASSES)


def test_strides_that_are_no_powers_of_two_are_refused():
    encoder = resnet18(width=1)
    encoder.strides = (3, 6, 12, 24)
    with pytest.raises(InputError, match=r"powers of two, got strides \(3, 6, 12, 24\)"):
        BackboneUNet(encoder, CLASSES)


@pytest.mark.compile
def test_it_compiles_as_one_graph(model: BackboneUNet):
    compiled = torch.compile(model.eval(), fullgraph=True, backend="aot_eager")
    with torch.no_grad():
        assert_equal_scores(compiled(images()), model(images()))


@pytest.mark.compile
@pytest.mark.filterwarnings("default")  # torch's own exporter warns of itself
def test_it_exports_for_any_batch_and_any_multiple_of_its_stride(model: BackboneUNet):
    batch, rows, columns = (torch.export.Dim(name, min=2, max=64) for name in ("batch", "rows", "columns"))
    sizes = {"images": {0: batch, 2: 32 * rows, 3: 32 * columns}}
    program = torch.export.export(model.eval(), (images(5, 64, 128),), dynamic_shapes=sizes)
    with torch.no_grad():
        assert_equal_scores(program.module()(images(4, 96, 64)), model(images(4, 96, 64)))
