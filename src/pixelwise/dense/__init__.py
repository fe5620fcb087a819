"""Dense evaluation: how far a network sees, and images of any size in tiles without changing the result."""

from pixelwise.dense.receptive_field import ReceptiveField, receptive_field
from pixelwise.dense.tiling import TiledModel, tiled

__all__ = ["ReceptiveField", "TiledModel", "receptive_field", "tiled"]
