"""Scores of optical flow, computed from per-image sums, always beside methods that learn nothing."""

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float64
from torch import Tensor

from pixelwise.metrics.flow import FLOW_GROUPS, FLOW_MEASURES, flow_scores, named_flow_scores

LEARNED, STILL, CLASSICAL = "learned", "no motion", "DIS"
"""What the run's network, the answer "nothing moves" and OpenCV's classical method are called among the methods."""

PROTOCOL = (
    "Pixels whose true motion is known count, hidden ones too. EPE: length of the difference of two motions, in "
    "pixels. Pooled: every pixel of all pairs counts alike; per image: the mean of the pairs' own means. Angular "
    "error: between (dx, dy, 1) of both, in degrees. Fl: share of pixels with an error above 3 pixels and above 5 % of "
    "the motion (KITTI). No motion: the answer that nothing moves. DIS: dense inverse search of Kroeger et al. 2016, "
    "which learns nothing (OpenCV, preset medium)."
)


@dataclass(frozen=True)
class FlowStatistics:
    """The sums of one pair, for each method (see `pixelwise.metrics.flow_sums`)."""

    name: str
    sums: Mapping[str, Float64[Tensor, "6 7"]]


@dataclass(frozen=True)
class FlowScores:
    """The scores of one model on one set of pairs, and of the methods beside it."""

    images: tuple[FlowStatistics, ...]
    split: str

    @property
    def methods(self) -> tuple[str, ...]:
        """The network first, then those beside it."""
        return tuple(self.images[0].sums)

    def sums(self, method: str) -> Float64[Tensor, "N 6 7"]:
        """The table of one method, a row of tables for each pair."""
        return torch.stack([image.sums[method] for image in self.images])

    def named(self, method: str = LEARNED) -> Mapping[str, float]:
        """Every score of a method, under a name that says how it is averaged."""
        return named_flow_scores(self.sums(method))

    @property
    def epe(self) -> float:
        """The network's mean end-point error over all known pixels, in pixels."""
        return self.named()["epe_pooled"]

    @property
    def epe_of_no_motion(self) -> float:
        """The same of the answer that nothing moves: the floor to be beaten."""
        return self.named(STILL)["epe_pooled"]

    def by_group(self, method: str, measure: str = "epe") -> dict[str, float]:
        """A pooled measure for each group of pixels that there is: all, by motion, seen or hidden."""
        pooled = flow_scores(self.sums(method).sum(0))[:, FLOW_MEASURES.index(measure)].tolist()
        return {group: value for group, value in zip(FLOW_GROUPS, pooled, strict=True) if not math.isnan(value)}

    def worst(self, count: int) -> list[tuple[float, FlowStatistics]]:
        """The pairs with the network's highest mean end-point error, the worst first."""
        ranked = [(float(flow_scores(image.sums[LEARNED])[0, 0]), image) for image in self.images]
        counted = [pair for pair in ranked if not math.isnan(pair[0])]
        return sorted(counted, key=lambda pair: (-pair[0], pair[1].name))[:count]

    def to_json(self) -> dict[str, Any]:
        """All scores as plain values."""
        return {
            "split": self.split,
            "images": len(self.images),
            "methods": {method: dict(self.named(method)) for method in self.methods},
            "protocol": PROTOCOL,
        }

    def table(self) -> str:
        """Every pair's scores by method and group as CSV; empty cells have no pixels."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["file", "method", "pixels_of", "pixels", *FLOW_MEASURES])
        for image in self.images:
            for method, sums in image.sums.items():
                for group, counts, scores in zip(FLOW_GROUPS, sums, flow_scores(sums).tolist(), strict=True):
                    cells = ("" if math.isnan(score) else f"{score:.6f}" for score in scores)
                    writer.writerow([image.name, method, group, int(counts[0]), *cells])
        return text.getvalue()
