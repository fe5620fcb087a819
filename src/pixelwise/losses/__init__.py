"""Losses: how wrong a model's output is, as one number with gradients. One file per task."""

from pixelwise.losses.segmentation import cross_entropy as cross_entropy
from pixelwise.losses.segmentation import dice_loss as dice_loss
