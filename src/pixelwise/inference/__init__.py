"""Trained models at work: load a run, predict images of any size, tell objects apart."""

from pixelwise.inference.instances import separate
from pixelwise.inference.predictor import Predictor, load

__all__ = ["Predictor", "load", "separate"]
