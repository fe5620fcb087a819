"""Training: from a folder to a run, resumable at every epoch."""

from pixelwise.training.detection.settings import DetectionSettings
from pixelwise.training.listener import Listener
from pixelwise.training.segmentation.settings import SegmentationSettings
from pixelwise.training.train import Run, train

__all__ = ["DetectionSettings", "Listener", "Run", "SegmentationSettings", "train"]
