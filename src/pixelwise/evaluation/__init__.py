"""Evaluation: a model over a data set, one table of per-image counts, and the scores that follow from it."""

from pixelwise.evaluation.detection import DetectionEvaluation
from pixelwise.evaluation.evaluate import evaluate
from pixelwise.evaluation.flow_scores import FlowScores
from pixelwise.evaluation.scores import Scores

__all__ = ["DetectionEvaluation", "FlowScores", "Scores", "evaluate"]
