"""The U-Net beyond the paper's setting."""

import pytest
import torch
import torch.nn.functional as F

from pixelwise.errors import InputError
from pixelwise.models import UNet
from pixelwise.models.segmentation.unet import accepted_size, centre_crop, margin


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_exactly_the_accepted_sizes_are_accepted(depth: int):
    net = UNet(2, width=1, depth=depth, padded=False, batch_norm=False).to("meta")
    for size in range(1, accepted_size(1, depth) + 3 * 2**depth):
        images = torch.empty(1, 3, size, size, device="meta")
        if accepted_size(size, depth) == size:
            assert net(images).shape[-1] == size - 2 * margin(depth)
        else:
            with pytest.raises(InputError) as refusal:
                net(images)
            text = str(refusal.value)
            wanted = accepted_size(size, depth)
            assert f"halves evenly on all {depth} levels" in text
            assert f"got {size}x{size}" in text
            assert f"mirror-pad it to {wanted}x{wanted}" in text


def test_other_sizes_are_extended_by_their_last_pixels_below_and_right():
    net = UNet(2, width=2, depth=2).eval()
    image = torch.rand(1, 3, 13, 18)
    by_hand = net(F.pad(image, (0, 2, 0, 3), mode="replicate"))[..., :13, :18]
    assert torch.equal(net(image), by_hand)


@pytest.mark.parametrize(("name", "value"), [("num_classes", 0), ("width", 0), ("depth", 0)])
def test_senseless_settings_are_named(name: str, value: int):
    with pytest.raises(InputError) as refusal:
        UNet(**{"num_classes": 2, name: value})
    assert str(refusal.value) == (f"wanted U-Net with {name} >= 1, got {name} = {value}\nhint: pass {name}=1 or more")


def test_the_middle_is_cropped():
    features = torch.arange(25.0).view(1, 1, 5, 5)
    assert torch.equal(centre_crop(features, (3, 1))[0, 0], features[0, 0, 1:4, 2:3])


def test_dropout_acts_in_training_only():
    net = UNet(2, width=2, depth=1, batch_norm=False, dropout=0.5)
    image = torch.rand(1, 3, 16, 16)
    assert torch.equal(net.eval()(image), net(image))
    draws = [net.train()(image) for _ in range(8)]
    assert any(not torch.equal(draws[0], other) for other in draws[1:])
