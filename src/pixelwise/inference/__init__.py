"""Trained models at work: load a run, predict images of any size."""

from pixelwise.inference.predictor import Predictor, load

__all__ = ["Predictor", "load"]
