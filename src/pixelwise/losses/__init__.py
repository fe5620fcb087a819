"""Losses: how wrong a model's output is, as one number with gradients. One file per task."""

from pixelwise.losses.boundary import boundary_loss as boundary_loss
from pixelwise.losses.boundary import signed_distances as signed_distances
from pixelwise.losses.deep_supervision import deep_supervision as deep_supervision
from pixelwise.losses.flow import multiscale_epe as multiscale_epe
from pixelwise.losses.flow import pooled_flow as pooled_flow
from pixelwise.losses.robust import coral as coral
from pixelwise.losses.robust import group_dro as group_dro
from pixelwise.losses.robust import irm as irm
from pixelwise.losses.robust import irm_penalty as irm_penalty
from pixelwise.losses.robust import vrex as vrex
from pixelwise.losses.segmentation import cross_entropy as cross_entropy
from pixelwise.losses.segmentation import dice_loss as dice_loss
