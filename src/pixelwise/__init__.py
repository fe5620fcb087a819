"""pixelwise: dense visual prediction. Every pixel, computed once; every claim, checked."""

from importlib.metadata import version

from pixelwise import backbones, data, dense, losses, metrics, models, ops, results
from pixelwise.errors import InputError
from pixelwise.evaluation import Scores, evaluate
from pixelwise.inference import Predictor, load
from pixelwise.training import Run, train

__version__ = version("pixelwise")

__all__ = [
    "InputError",
    "Predictor",
    "Run",
    "Scores",
    "backbones",
    "data",
    "dense",
    "evaluate",
    "load",
    "losses",
    "metrics",
    "models",
    "ops",
    "results",
    "train",
]
