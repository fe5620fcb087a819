"""Trained models at work: load a run, predict images of any size, tell objects apart."""

from pixelwise.inference.detector import Decoding, Detector
from pixelwise.inference.flow_estimator import FlowEstimator
from pixelwise.inference.instances import separate
from pixelwise.inference.predictor import Predictor, load
from pixelwise.inference.segmenter import Segmenter

__all__ = ["Decoding", "Detector", "FlowEstimator", "Predictor", "Segmenter", "load", "separate"]
