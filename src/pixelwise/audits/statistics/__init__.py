"""What a model did on every image of a data set: one table, from which every score and every resampling follows."""

from pixelwise.audits.statistics.collect import collect
from pixelwise.audits.statistics.samples import Sample
from pixelwise.audits.statistics.table import Statistics

__all__ = ["Sample", "Statistics", "collect"]
