"""Scaling in front of a network."""

import torch
from torch import nn

from pixelwise.models.normalise import Normalised, channels_last


def test_images_are_shifted_and_scaled_channel_by_channel():
    net = Normalised(nn.Identity(), mean=[0.5, 0.25, 0.0], std=[0.5, 0.25, 1.0])
    scaled = net(torch.ones(1, 3, 2, 2))
    assert scaled[0, :, 0, 0].tolist() == [1.0, 3.0, 1.0]


def test_the_scaling_is_not_part_of_the_weights():
    net = Normalised(nn.Conv2d(3, 2, 1), mean=[0.5] * 3, std=[0.2] * 3)
    assert set(net.state_dict()) == {"model.weight", "model.bias"}


def test_padding_means_an_average_pixel():
    net = Normalised(nn.Conv2d(3, 1, 3, padding=1), mean=[0.4, 0.5, 0.6], std=[0.2] * 3)
    average = torch.tensor([0.4, 0.5, 0.6]).view(1, 3, 1, 1).expand(1, 3, 5, 5)
    scores = net(average)
    torch.testing.assert_close(scores, scores[:, :, 2:3, 2:3].expand_as(scores))


def test_channels_last_changes_the_layout_alone():
    net = Normalised(nn.Conv2d(3, 4, 3), mean=[0.0] * 3, std=[1.0] * 3)
    image = torch.rand(1, 3, 8, 8)
    before = net(image)
    assert channels_last(net) is net
    assert net.model.weight.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(net(image), before)
