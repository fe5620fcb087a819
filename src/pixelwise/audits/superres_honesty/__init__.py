"""Super-resolution: whether it keeps to its input, and how many other images the input could have come from."""

from pixelwise.audits.superres_honesty.explanations import Explanations, explain, peak_ratios
from pixelwise.audits.superres_honesty.findings import ambiguity_finding, consistency_finding, flip_finding
from pixelwise.audits.superres_honesty.probes import Deviation, Flips, deviations, flips
from pixelwise.audits.superres_honesty.shrinking import Shrinking, shrinking

__all__ = [
    "Deviation",
    "Explanations",
    "Flips",
    "Shrinking",
    "ambiguity_finding",
    "consistency_finding",
    "deviations",
    "explain",
    "flip_finding",
    "flips",
    "peak_ratios",
    "shrinking",
]
