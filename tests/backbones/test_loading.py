"""All weights or none: what does not fit is listed, not dumped."""

import pytest
import torch
from torch import Tensor, nn

from pixelwise.backbones import load_weights_into, resnet18, resnet34, vgg11
from pixelwise.errors import InputError


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1))


def refused(module: nn.Module, state: dict[str, Tensor]) -> str:
    before = {name: value.clone() for name, value in module.state_dict().items()}
    with pytest.raises(InputError) as refusal:
        load_weights_into(module, state, "a.pth")
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    return str(refusal.value)


def test_all_entries_are_copied():
    first, second = resnet18(width=2, num_classes=3), resnet18(width=2, num_classes=3)
    first.train()(torch.rand(2, 3, 64, 64))  # moves the statistics
    load_weights_into(second, first.state_dict(), "a.pth")
    assert all(torch.equal(value, first.state_dict()[name]) for name, value in second.state_dict().items())
    assert int(second.bn1.num_batches_tracked) == 1


def test_files_without_step_counters_are_whole():
    state = {name: value for name, value in network().state_dict().items() if "tracked" not in name}
    module = network()
    load_weights_into(module, state, "a.pth")
    assert torch.equal(module[0].weight, state["0.weight"])
    assert int(module[1].num_batches_tracked) == 0


def test_dtype_and_sharing_of_the_network_stay():
    module, state = network().double(), network().state_dict()
    weight = module[0].weight
    load_weights_into(module, state, "a.pth")
    assert module[0].weight is weight
    assert weight.dtype == torch.float64
    assert torch.equal(weight.float(), state["0.weight"])


def test_missing_and_extra_entries_are_listed():
    state = network().state_dict()
    state["other.weight"] = state.pop("0.weight")
    assert refused(network(), state) == (
        "wanted weights for the 8 entries of Sequential, got a.pth with 8: 1 missing (0.weight); "
        "1 not in this network (other.weight)\n"
        "hint: build the network with the settings of the file, or load what fits with pixelwise.backbones.transfer"
    )


def test_of_many_faults_five_are_named_and_all_are_counted():
    text = refused(resnet18(width=2, num_classes=3), resnet34(width=4, num_classes=3).state_dict())
    assert "80 not in this network (layer1.2.conv1.weight, layer1.2.bn1.weight" in text
    assert "101 that do not fit (conv1.weight: shape (2, 3, 7, 7) wanted, (4, 3, 7, 7) in the file, " in text
    assert text.count(", ...)") == 2
    assert len(text) < 1200


def test_an_empty_state_dict_misses_everything():
    text = refused(network(), {})
    assert "8 missing (0.weight, 0.bias, 1.weight, 1.bias, 1.running_mean, ...)" in text


def test_another_number_of_classes_is_named_as_such():
    text = refused(vgg11(width=1, hidden=4, num_classes=21), vgg11(width=1, hidden=4).state_dict())
    assert text == (
        "wanted weights for 21 classes, got a.pth, which has 1000 (classifier.6)\n"
        "hint: build the network with num_classes=1000, or keep all but the last layer with "
        "pixelwise.backbones.transfer and train that one"
    )


def test_another_width_is_not_taken_for_another_number_of_classes():
    text = refused(vgg11(width=1, hidden=4, num_classes=2), vgg11(width=2, hidden=4, num_classes=2).state_dict())
    assert "classes" not in text
    assert "features.0.weight: shape (1, 3, 3, 3) wanted, (2, 3, 3, 3) in the file" in text


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_refused(value: float):
    state = network().state_dict()
    state["2.bias"] = torch.tensor([0.0, value])
    assert "1 that do not fit (2.bias: NaN or infinite in the file)" in refused(network(), state)


def test_whole_numbers_are_no_weights():
    state = network().state_dict()
    state["0.weight"] = state["0.weight"].to(torch.int8)
    assert "0.weight: torch.float32 wanted, torch.int8 in the file" in refused(network(), state)


def test_a_scalar_where_a_row_belongs_is_named():
    state = network().state_dict()
    state["2.bias"] = torch.tensor(1.0)
    assert "2.bias: shape (2,) wanted, () in the file" in refused(network(), state)


def test_a_step_counter_of_another_shape_is_passed_over():
    module, state = network(), network().state_dict()
    state["1.num_batches_tracked"] = torch.tensor([5, 5])
    load_weights_into(module, state, "a.pth")
    assert int(module[1].num_batches_tracked) == 0
