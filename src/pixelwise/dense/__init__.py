"""Dense evaluation: patch classifiers at every pixel, and images of any size in tiles, each with proof of equality."""

from pixelwise.dense.check import check
from pixelwise.dense.dense_map import DenseMap
from pixelwise.dense.densify import convolutionalize, densify
from pixelwise.dense.plan import Plan
from pixelwise.dense.receptive_field import ReceptiveField, receptive_field
from pixelwise.dense.regions import SlicedArray
from pixelwise.dense.slide import shift_and_stitch, slide
from pixelwise.dense.tiling import TiledModel, tiled
from pixelwise.dense.verdict import Finding, NotExact, Verdict

__all__ = [
    "DenseMap",
    "Finding",
    "NotExact",
    "Plan",
    "ReceptiveField",
    "SlicedArray",
    "TiledModel",
    "Verdict",
    "check",
    "convolutionalize",
    "densify",
    "receptive_field",
    "shift_and_stitch",
    "slide",
    "tiled",
]
