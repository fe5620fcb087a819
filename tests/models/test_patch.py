"""The patch classifier as a segmenter: equal to its window slid, one gradient for pairs and maps, trained and used."""

import copy
from itertools import product
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pixelwise.dense import NotExact, TiledModel, receptive_field
from pixelwise.errors import InputError
from pixelwise.models import catalog
from pixelwise.models.segmentation.patch import PatchSegmenter, after_stage, patch, patch_classifier
from pixelwise.training import train
from references.sliding_patches import every_patch

SIZE, CLASSES = 19, 3


def small(size: int = SIZE) -> PatchSegmenter:
    return patch(CLASSES, size=size, width=4, hidden=6)


@pytest.mark.parametrize("size", [9, 15, 19, 33])
def test_every_score_is_that_of_the_classifier_on_its_patch(size: int) -> None:
    model = small(size).double()
    images = torch.rand(2, 3, size + 5, size + 8, dtype=torch.float64)
    expected = every_patch(model.classifier, images, (size, size), (1, 1))
    assert expected.shape == (2, CLASSES, 6, 9)
    torch.testing.assert_close(model(images), expected, rtol=0, atol=1e-12)
    one = images[..., :size, :size]
    torch.testing.assert_close(model(one)[..., 0, 0], model.classifier(one), rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [9, 11, 65, 95])
def test_the_classifier_sees_its_whole_patch_and_nothing_else(size: int) -> None:
    field = receptive_field(patch_classifier(2, size, width=2, hidden=2), (size, size))
    assert field.size == (size, size)


def test_the_largest_network_of_the_paper_by_its_sides() -> None:
    sides = [95]
    while after_stage(sides[-1]) >= 3:
        sides.append(after_stage(sides[-1]))
    assert sides == [95, 46, 21, 9, 3]
    with torch.device("meta"):
        model = patch(2, size=95)
    shapes = [tuple(weight.shape) for name, weight in model.named_parameters() if name.endswith("weight")]
    assert shapes == [(48, 3, 4, 4), (48, 48, 5, 5), (48, 48, 4, 4), (48, 48, 4, 4), (200, 48 * 9), (2, 200)]


def gradients(model: PatchSegmenter, loss: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(loss, list(model.classifier.parameters())))


def test_all_patches_at_once_give_the_gradient_of_the_pairs_one_by_one() -> None:
    model = small(11).double().train()
    image = torch.rand(1, 3, 16, 18, dtype=torch.float64)
    labels = torch.randint(0, CLASSES, (6, 8))
    together = F.cross_entropy(model(image), labels[None], reduction="sum")
    pairs = sum(
        F.cross_entropy(model.classifier(image[..., y : y + 11, x : x + 11]), labels[y, x][None], reduction="sum")
        for y, x in product(range(6), range(8))
    )
    for dense, single in zip(gradients(model, together), gradients(model, pairs), strict=True):
        assert single.abs().max() > 0
        torch.testing.assert_close(dense, single, rtol=1e-10, atol=1e-12)


def test_a_gradient_flows_back_to_the_image() -> None:
    model = small(9).double()
    image = torch.rand(1, 3, 10, 11, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(model, (image,), fast_mode=True)  # a random direction; all would take half a minute


def test_dropout_and_batch_normalisation_rest_while_it_trains() -> None:
    classifier = nn.Sequential(
        *(nn.Conv2d(3, 4, 4), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Dropout(0.5), nn.Linear(36, 2)),
    )
    model = PatchSegmenter(classifier, 9).train()
    images = torch.rand(2, 3, 14, 14)
    assert torch.equal(model(images), model(images))
    assert classifier[1].running_mean.eq(0).all()
    assert torch.equal(model(images), model.eval()(images))


def test_its_weights_are_the_classifiers_once_and_survive_a_file(tmp_path: Path) -> None:
    model = small()
    names = [f"dense.model.{name}" for name in model.classifier.state_dict()]
    assert list(model.state_dict()) == names
    save_file(model.state_dict(), tmp_path / "weights.safetensors")
    with torch.device("meta"):
        empty = small()
    assert all(weight.is_meta for weight in empty.parameters())
    empty.load_state_dict(load_file(tmp_path / "weights.safetensors"), assign=True)
    images = torch.rand(1, 3, 30, 25)
    assert torch.equal(empty(images), model(images))


def test_a_copy_has_weights_of_its_own_also_in_its_map() -> None:
    model = small()
    twin = copy.deepcopy(model)
    images = torch.rand(1, 3, 30, 25)
    before = model(images)
    for weight in twin.classifier.parameters():
        nn.init.ones_(weight)
    assert torch.equal(model(images), before)
    assert not torch.allclose(twin(images), before)


def test_the_map_follows_when_the_classifier_learns() -> None:
    model = small()
    images = torch.rand(1, 3, 30, 25)
    before = model(images)
    with torch.no_grad():
        model.classifier[0].weight.mul_(2)
    assert not torch.allclose(model(images), before)


def test_tiles_equal_the_whole_and_every_pixel_gets_scores() -> None:
    model = small()
    image = torch.rand(3, 60, 75)
    whole, tiles = TiledModel(model, memory="1GB"), TiledModel(model, tile=32)
    assert tiles.field is not None
    assert (tiles.field.margin, tiles.field.alignment) == ((9, 9), (1, 1))
    expected, found = whole.run(image), tiles.run(image)
    assert expected.shape == (CLASSES, 60, 75)
    assert tiles.plan((60, 75)).tiles == 6
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6 * float(expected.abs().max()))
    # Inside, where no border is mirrored, the score of a pixel is that of the patch around it.
    alone = model.classifier(image[None, :, 20 - 9 : 20 + 10, 30 - 9 : 30 + 10])
    torch.testing.assert_close(expected[:, 20, 30], alone[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize(("size", "named"), [((4, 5), "19x19"), ((4, 40), "19x40"), ((25, 18), "25x19")])
def test_an_image_smaller_than_a_patch_is_refused_with_a_size_that_works(size: tuple[int, int], named: str) -> None:
    wanted = rf"wanted images of at least one patch, 19x19, got {size[0]}x{size[1]}\nhint: mirror-pad it to {named},"
    with pytest.raises(InputError, match=wanted):
        small()(torch.rand(1, 3, *size))


def test_refusals() -> None:
    with pytest.raises(InputError, match=r"wanted an odd patch size, .* got size = 64\nhint: pass size=63 or 65"):
        patch(2, size=64)
    with pytest.raises(InputError, match=r"wanted patches of at least 9 pixels, got size = 7\nhint: pass size=9"):
        patch(2, size=7)
    with pytest.raises(InputError, match=r"wanted patches of at least 9 pixels, got size = -2"):
        patch(2, size=-2)
    for name in ("num_classes", "width", "hidden"):
        with pytest.raises(InputError, match=rf"a patch classifier with {name} >= 1, got {name} = 0"):
            patch(**({"num_classes": 2, "size": 9} | {name: 0}))
    with pytest.raises(NotExact, match="pads inside the patch"):
        PatchSegmenter(nn.Sequential(nn.Conv2d(3, 2, 3, padding=1), nn.Conv2d(2, 2, 9)), 9)


def test_it_trains_on_pairs_of_patch_and_centre_and_labels_every_pixel(
    pasture_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(catalog, "patch", patch)
    torch.set_num_threads(1)
    settings = {"size": SIZE, "width": 4, "hidden": 8}
    run = train(
        "segmentation",
        pasture_folder,
        out=tmp_path / "run",
        model="patch",
        model_settings=settings,
        crop=SIZE,
        crops_per_image=4,
        batch_size=28,
        epochs=1,
    )
    torch.set_num_threads(2)
    assert run.scores is not None
    assert int(run.scores.confusion.sum()) == 6 * 64 * 64  # every pixel of the validation images
    predicted = run.predictor().predict(torch.rand(3, 12, 50))  # smaller than a patch: mirrored further
    assert predicted.labels.shape == (12, 50)


@pytest.mark.compile
@pytest.mark.filterwarnings("default")  # torch's own compiler and exporter warn of themselves
def test_it_compiles_without_a_break_and_exports_for_any_batch() -> None:
    model = small().eval()
    images = torch.rand(2, 3, 30, 25)
    with torch.no_grad():
        expected = model(images)
        compiled = torch.compile(model, fullgraph=True, backend="aot_eager")(images)
    torch.testing.assert_close(compiled, expected, rtol=0, atol=1e-6)
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(model, (images,), dynamic_shapes={"images": {0: batch}})
    torch.testing.assert_close(program.module()(images[:1]), expected[:1], rtol=0, atol=1e-6)
