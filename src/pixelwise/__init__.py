"""pixelwise: dense visual prediction. Every pixel, computed once; every claim, checked."""

from importlib.metadata import version

from pixelwise import audits, backbones, data, dense, losses, metrics, models, ops, results
from pixelwise.audits import Audit, audit
from pixelwise.errors import InputError
from pixelwise.evaluation import Scores, evaluate
from pixelwise.inference import Predictor, load
from pixelwise.training import Run, train

__version__ = version("pixelwise")

__all__ = [
    "Audit",
    "InputError",
    "Predictor",
    "Run",
    "Scores",
    "audit",
    "audits",
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
