"""Dense evaluation: patch classifiers at every pixel, and images of any size in tiles, each with proof of equality."""

from pixelwise.dense.folding import FoldedNetwork, fold_batch_norm
from pixelwise.dense.maps.check import check
from pixelwise.dense.maps.dense_map import DenseMap
from pixelwise.dense.maps.densify import convolutionalize, densify
from pixelwise.dense.maps.slide import shift_and_stitch, slide
from pixelwise.dense.receptive_field import ReceptiveField, receptive_field
from pixelwise.dense.rows.stream import stream_rows
from pixelwise.dense.statistics.freeze_statistics import freeze_statistics
from pixelwise.dense.statistics.frozen import FrozenNetwork
from pixelwise.dense.tiles.plan import Plan
from pixelwise.dense.tiles.regions import SlicedArray
from pixelwise.dense.tiles.tiling import TiledModel, tiled
from pixelwise.dense.verdict import Finding, NotExact, Verdict
from pixelwise.dense.winograd import use_winograd

__all__ = [
    "DenseMap",
    "Finding",
    "FoldedNetwork",
    "FrozenNetwork",
    "NotExact",
    "Plan",
    "ReceptiveField",
    "SlicedArray",
    "TiledModel",
    "Verdict",
    "check",
    "convolutionalize",
    "densify",
    "fold_batch_norm",
    "freeze_statistics",
    "receptive_field",
    "shift_and_stitch",
    "slide",
    "stream_rows",
    "tiled",
    "use_winograd",
]
