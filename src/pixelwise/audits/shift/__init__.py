"""Images as bad weather, cameras and files make them, and what a model's scores do then."""

from pixelwise.audits.shift.corrupt import CORRUPTIONS, DENSE, SEVERITIES, corrupt
from pixelwise.audits.shift.environments import SELECTION, folds, leave_one_out
from pixelwise.audits.shift.measure import ShiftScores, shift_scores
from pixelwise.audits.shift.robustness import (
    mean_corruption_error,
    mean_performance,
    relative_mean_corruption_error,
    relative_performance,
)

__all__ = [
    "CORRUPTIONS",
    "DENSE",
    "SELECTION",
    "SEVERITIES",
    "ShiftScores",
    "corrupt",
    "folds",
    "leave_one_out",
    "mean_corruption_error",
    "mean_performance",
    "relative_mean_corruption_error",
    "relative_performance",
    "shift_scores",
]
