"""Training: from a folder to a run, resumable at every epoch."""

from pixelwise.training.settings import SegmentationSettings
from pixelwise.training.train import Listener, Run, train

__all__ = ["Listener", "Run", "SegmentationSettings", "train"]
