"""Trained models at work: load a run, predict images of any size, tell objects apart."""

from pixelwise.inference.detector import Decoding, Detector
from pixelwise.inference.instances import separate
from pixelwise.inference.predictor import Predictor, load
from pixelwise.inference.segmenter import Segmenter

__all__ = ["Decoding", "Detector", "Predictor", "Segmenter", "load", "separate"]
