"""Networks: plain modules, one file per architecture, and the catalog of names."""

from pixelwise.models.catalog import catalog
from pixelwise.models.segmentation.unet import UNet

__all__ = ["UNet", "catalog"]
