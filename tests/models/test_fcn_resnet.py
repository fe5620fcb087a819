"""FCN on a ResNet: published names, scores of any size, weights in every combination."""

import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from pixelwise.backbones import resnet18
from pixelwise.dense import TiledModel
from pixelwise.dense.folding import fold_batch_norm
from pixelwise.errors import InputError
from pixelwise.models.segmentation.fcn_resnet import FCNResNet, fcn_resnet18, fcn_resnet50

CLASSES = 3
BUILDERS = {"resnet18": fcn_resnet18, "resnet50": fcn_resnet50}


@pytest.fixture(params=sorted(BUILDERS))
def model(request: pytest.FixtureRequest) -> FCNResNet:
    return BUILDERS[request.param](CLASSES, width=2)


def images(count: int = 1, height: int = 48, width: int = 64, seed: int = 1) -> Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed))


def assert_equal_scores(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


def saved(network: nn.Module, folder: Path) -> Path:
    path = folder / "weights.safetensors"
    save_file(network.state_dict(), path)
    return path


@pytest.mark.data
def test_names_and_shapes_are_those_of_the_published_weights(real_data: Path):
    published = json.loads((real_data / "torchvision_names" / "sd_fcn_resnet50.json").read_text())
    with torch.device("meta"):
        network = fcn_resnet50(21, auxiliary=True)
    assert {name: list(value.shape) for name, value in network.state_dict().items()} == dict(published)


def test_for_multiples_of_8_the_last_stage_is_interpolated_to_the_image(model: FCNResNet):
    pixels = images(2)
    with torch.no_grad():
        coarse = model.eval().classifier(model.backbone.levels(pixels)[-1])
        assert coarse.shape == (2, CLASSES, 6, 8)
        expected = F.interpolate(coarse, size=(48, 64), mode="bilinear", align_corners=False)
        assert torch.equal(model(pixels), expected)


def test_other_sizes_are_extended_by_their_last_pixels_below_and_right(model: FCNResNet):
    pixels = images(1, 13, 18)
    by_hand = model.eval()(F.pad(pixels, (0, 6, 0, 3), mode="replicate"))[..., :13, :18]
    assert torch.equal(model(pixels), by_hand)


@pytest.mark.parametrize("size", [(1, 1), (7, 90), (33, 65)])
def test_scores_are_as_large_as_the_image(model: FCNResNet, size: tuple[int, int]):
    with torch.no_grad():
        scores = model.eval()(images(1, *size))
    assert scores.shape == (1, CLASSES, *size)
    assert scores.isfinite().all()


def test_an_encoder_that_is_not_dilated_sets_the_interpolation():
    network = FCNResNet(resnet18(width=2), CLASSES).eval()
    assert network(images(1, 33, 50)).shape == (1, CLASSES, 33, 50)
    coarse = network.classifier(network.backbone.levels(images(1, 64, 64))[-1])
    assert coarse.shape[-2:] == (2, 2)


def test_a_batch_equals_its_images_one_by_one(model: FCNResNet):
    pixels = images(3)
    with torch.no_grad():
        together = model.eval()(pixels)
        singly = torch.cat([model(image[None]) for image in pixels])
    assert_equal_scores(together, singly)


def test_every_parameter_gets_a_gradient(model: FCNResNet):
    scores = model.train()(images(2))
    (scores * torch.randn(scores.shape, generator=torch.Generator().manual_seed(2))).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


def test_the_auxiliary_head_learns_from_its_own_scores():
    network = fcn_resnet18(CLASSES, width=4, auxiliary=True).train()
    network.side_scores(images(2))[1].square().sum().backward()
    assert network.aux_classifier[0].weight.grad.any()
    assert network.backbone.layer3[0].conv1.weight.grad.any()
    assert network.backbone.layer4[0].conv1.weight.grad is None


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_flat_images_give_numbers(model: FCNResNet, value: float):
    pixels = torch.full((2, 3, 48, 64), value)
    assert model.train()(pixels).isfinite().all()
    assert model.eval()(pixels).isfinite().all()


def test_side_scores_are_the_scores_and_those_of_the_stage_before():
    network = fcn_resnet50(CLASSES, width=4, auxiliary=True).eval()
    pixels = images(1, 40, 50)
    with torch.no_grad():
        main, side = network.side_scores(pixels)
        assert torch.equal(main, network(pixels))
        whole = F.pad(pixels, (0, 6, 0, 0), mode="replicate")
        coarse = network.aux_classifier(network.backbone.levels(whole)[2])
        expected = F.interpolate(coarse, size=(40, 56), mode="bilinear", align_corners=False)[..., :50]
        assert torch.equal(side, expected)


def test_without_an_auxiliary_head_the_scores_stand_alone(model: FCNResNet):
    (scores,) = model.eval().side_scores(images())
    assert torch.equal(scores, model(images()))


@pytest.mark.parametrize("name", ["resnet18", pytest.param("resnet50", marks=pytest.mark.slow)])
def test_tiles_equal_the_whole_and_flip_no_label(name: str):
    model = BUILDERS[name](CLASSES, width=2)
    with torch.no_grad():
        model.train()(images(4))
    tiles = TiledModel(model, tile=48)
    assert tiles.field.bounded
    assert tiles.field.alignment == (8, 8)
    image = images(1, 60, 90, seed=3)
    assert tiles.plan((60, 90)).tiles > 1
    with torch.no_grad():
        expected, found = model.eval()(image)[0], tiles.run(image[0])
    assert_equal_scores(found, expected)
    assert torch.equal(found.argmax(0), expected.argmax(0))


def test_all_batch_norms_fold_away():
    model = fcn_resnet18(CLASSES, width=2)
    with torch.no_grad():
        model.double().train()(images(4).double())
        folded = fold_batch_norm(model)
        assert len(folded.folded) == sum(isinstance(part, nn.BatchNorm2d) for part in model.modules())
        assert folded.left == ()
        expected = model.eval()(images().double())
        torch.testing.assert_close(folded(images().double()), expected, rtol=0, atol=1e-12)


def test_weights_with_an_auxiliary_head_fit_networks_with_and_without(tmp_path: Path):
    network = fcn_resnet18(CLASSES, width=2, auxiliary=True).eval()
    path = saved(network, tmp_path)
    torch.manual_seed(1)
    without = fcn_resnet18(CLASSES, path, width=2).eval()
    assert without.aux_classifier is None
    assert torch.equal(without(images()), network(images()))
    same = fcn_resnet18(CLASSES, str(path), width=2, auxiliary=True).eval()
    assert torch.equal(same.side_scores(images())[1], network.side_scores(images())[1])


def test_weights_without_an_auxiliary_head_do_not_fit_a_network_with_one(tmp_path: Path):
    path = saved(fcn_resnet18(CLASSES, width=2), tmp_path)
    with pytest.raises(InputError, match=r"missing \(aux_classifier"):
        fcn_resnet18(CLASSES, path, width=2, auxiliary=True)


def test_weights_for_other_classes_are_named(tmp_path: Path):
    path = saved(fcn_resnet18(CLASSES, width=2, auxiliary=True), tmp_path)
    with pytest.raises(InputError) as refusal:
        fcn_resnet18(5, path, width=2)
    assert refusal.value.wanted == "weights for 5 classes"
    assert "classifier.4" in refusal.value.got


def test_weights_of_the_encoder_alone(tmp_path: Path):
    encoder = resnet18(width=2).eval()
    path = saved(encoder, tmp_path)
    torch.manual_seed(1)
    network = fcn_resnet18(CLASSES, width=2, encoder_weights=path).eval()
    expected, found = encoder.levels(images())[0], network.backbone.levels(images())[0]
    assert torch.equal(found, expected)  # the stages behind are dilated


def test_an_unknown_published_name_lists_the_known_ones():
    with pytest.raises(InputError, match='one of "coco"'):
        fcn_resnet50(21, "imagenet", width=2)


def test_plain_weights_load_into_a_deformable_network_which_starts_out_equal(tmp_path: Path):
    plain = fcn_resnet18(CLASSES, width=2).double().eval()
    deformable = fcn_resnet18(CLASSES, saved(plain.float(), tmp_path), width=2, deformable=True).double().eval()
    pixels = images().double()
    torch.testing.assert_close(deformable(pixels), plain.double()(pixels), rtol=0, atol=1e-12)


def test_deformable_weights_load_again(tmp_path: Path):
    network = fcn_resnet18(CLASSES, width=2, deformable=True).eval()
    nn.init.normal_(network.backbone.layer4[1].conv1.offset.weight)
    again = fcn_resnet18(CLASSES, saved(network, tmp_path), width=2, deformable=True).eval()
    assert torch.equal(again(images()), network(images()))


def test_senseless_settings_are_named():
    with pytest.raises(InputError, match="num_classes >= 1, got num_classes = 0"):
        fcn_resnet18(0, width=2)


@pytest.mark.compile
def test_it_compiles_as_one_graph(model: FCNResNet):
    compiled = torch.compile(model.eval(), fullgraph=True, backend="aot_eager")
    with torch.no_grad():
        assert_equal_scores(compiled(images()), model(images()))


@pytest.mark.compile
@pytest.mark.filterwarnings("default")  # torch's own exporter warns of itself
def test_it_exports_for_any_batch(model: FCNResNet):
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(model.eval(), (images(2),), dynamic_shapes={"images": {0: batch}})
    with torch.no_grad():
        assert_equal_scores(program.module()(images(5)), model(images(5)))


@pytest.mark.compile
@pytest.mark.filterwarnings("default")
def test_it_exports_for_any_multiple_of_its_stride(model: FCNResNet):
    batch, rows, columns = (torch.export.Dim(name, min=2, max=64) for name in ("batch", "rows", "columns"))
    sizes = {"images": {0: batch, 2: 8 * rows, 3: 8 * columns}}
    program = torch.export.export(model.eval(), (images(5, 48, 64),), dynamic_shapes=sizes)
    with torch.no_grad():
        assert_equal_scores(program.module()(images(4, 40, 104)), model(images(4, 40, 104)))


def test_scores_are_those_of_torchvision():
    segmentation = pytest.importorskip("torchvision.models.segmentation")
    theirs = segmentation.fcn_resnet50(weights=None, weights_backbone=None, num_classes=CLASSES, aux_loss=True)
    ours = fcn_resnet50(CLASSES, auxiliary=True).eval()
    ours.load_state_dict(theirs.state_dict())
    with torch.no_grad():
        expected = theirs.eval()(images(1, 72, 64))
        main, side = ours.side_scores(images(1, 72, 64))
    assert_equal_scores(main, expected["out"])
    assert_equal_scores(side, expected["aux"])
