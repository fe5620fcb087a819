"""What fits is loaded, and the report says what happened to every tensor."""

import pytest
import torch
from torch import nn

from pixelwise.backbones import resnet18, transfer, vgg11
from pixelwise.backbones.transfer import Row
from pixelwise.errors import InputError


class Segmenter(nn.Module):
    """An encoder below a new head, as dense models have it."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = vgg11(width=1, hidden=4, num_classes=3).features
        self.head = nn.Conv2d(8, 3, 1)


def test_all_but_the_head_is_loaded_from_a_classifier_of_other_classes():
    ours, theirs = resnet18(width=2, num_classes=3), resnet18(width=2)
    head = ours.fc.weight.clone()
    report = transfer(ours, theirs.state_dict(), "resnet18.pth")
    assert report.left == ("fc.weight", "fc.bias")
    assert report.unused == ()
    assert len(report.loaded) == 100  # 122 entries less 20 step counters and the head
    assert torch.equal(ours.fc.weight, head)
    assert all(torch.equal(ours.state_dict()[name], theirs.state_dict()[name]) for name in report.loaded)
    assert str(report) == (
        "resnet18.pth: 100 loaded, 2 left, 0 unused\n"
        "loaded  conv1 to layer4.1.bn2 (100 tensors)\n"
        "left    fc (2 tensors): shape (3, 16) wanted, (1000, 16) in the file; shape (3,) wanted, (1000,) in the file"
    )


def test_a_prefix_puts_a_classifier_into_an_encoder():
    ours, theirs = Segmenter(), vgg11(width=1, hidden=4)
    report = transfer(ours, theirs.state_dict(), "vgg11.pth", {"features.": "encoder."})
    assert torch.equal(ours.encoder[18].weight, theirs.features[18].weight)
    assert report.left == ("head.weight", "head.bias")
    assert report.unused[0] == "classifier.0.weight"
    assert str(report) == (
        "vgg11.pth: 16 loaded, 2 left, 6 unused\n"
        "loaded  encoder.0 to encoder.18 (16 tensors)\n"
        "left    head (2 tensors): missing in the file\n"
        "unused  classifier.0 to classifier.6 (6 tensors): not in this network"
    )


def test_the_longest_prefix_holds_and_other_names_stay():
    module = nn.ModuleDict({"a": nn.Linear(1, 1), "b": nn.Linear(1, 1, bias=False), "c": nn.Linear(1, 1, bias=False)})
    one, two, three = (torch.full((1, 1), float(value)) for value in (1, 2, 3))
    state = {"x.weight": one, "x.y.weight": two, "c.weight": three}
    report = transfer(module, state, "x", {"x.": "a.", "x.y.": "b."})
    assert [module[name].weight.item() for name in "abc"] == [1, 2, 3]
    assert report.rows[1] == Row("a.bias", "left", "missing in the file")


def test_an_empty_prefix_applies_to_all_names():
    module = nn.ModuleDict({"encoder": nn.Linear(2, 2)})
    state = nn.Linear(2, 2).state_dict()
    assert transfer(module, state, "x", {"": "encoder."}).loaded == ("encoder.weight", "encoder.bias")
    assert torch.equal(module["encoder"].weight, state["weight"])


def test_each_tensor_of_the_network_has_one_row_and_each_of_the_file_at_most_one():
    ours, theirs = resnet18(width=2, num_classes=3), vgg11(width=2, hidden=4, num_classes=3)
    state = {**theirs.state_dict(), "fc.weight": torch.zeros(3, 16), "conv1.weight": torch.zeros(1)}
    report = transfer(ours, state, "mixed.pth")
    assert report.loaded == ("fc.weight",)
    assert {*report.loaded, *report.left} == {name for name in ours.state_dict() if "tracked" not in name}
    assert set(report.unused) == set(theirs.state_dict())
    assert {row.name: row.reason for row in report.rows}["conv1.weight"] == (
        "shape (2, 3, 7, 7) wanted, (1,) in the file"
    )


def test_step_counters_travel_unreported():
    ours, theirs = nn.BatchNorm2d(2), nn.BatchNorm2d(2)
    theirs(torch.rand(2, 2, 3, 3))
    report = transfer(ours, theirs.state_dict(), "x")
    assert int(ours.num_batches_tracked) == 1
    assert report.loaded == ("weight", "bias", "running_mean", "running_var")


def test_nan_is_left_out():
    module = nn.Linear(1, 1)
    before = module.bias.clone()
    report = transfer(module, {"weight": torch.ones(1, 1), "bias": torch.tensor([float("nan")])}, "x")
    assert report.rows[1] == Row("bias", "left", "NaN or infinite in the file")
    assert torch.equal(module.bias, before)


def test_nothing_that_fits_is_an_error():
    with pytest.raises(InputError) as refusal:
        transfer(nn.Linear(2, 2), {"module.weight": torch.zeros(2, 2)}, "a.pth")
    assert str(refusal.value) == (
        "wanted weights of which some fit Linear, with names such as weight, bias, got a.pth with module.weight\n"
        'hint: map the beginnings of its names to the network\'s, such as prefixes={"": "encoder."}, or pass weights '
        "of the same architecture and width"
    )
    with pytest.raises(InputError, match=r"got a\.pth with no tensors"):
        transfer(nn.Linear(2, 2), {}, "a.pth")


def test_two_tensors_of_one_name_are_an_error():
    state = {"a.weight": torch.zeros(1, 1), "b.weight": torch.ones(1, 1)}
    with pytest.raises(InputError) as refusal:
        transfer(nn.Linear(1, 1), state, "x", {"a.": "", "b.": ""})
    assert str(refusal.value) == (
        "wanted a different name for each tensor of the file, got two that become weight\n"
        "hint: map their prefixes to different ones"
    )
