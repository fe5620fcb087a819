"""Pasture's moving animals as pairs for optical flow, made when they are asked for."""

from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import Dataset

from pixelwise.data.flow.pair import FlowPair
from pixelwise.data.pasture.knobs import Knobs
from pixelwise.data.pasture.render import Scene, render


@dataclass(frozen=True)
class PasturePairs(Dataset[FlowPair]):
    """So many pairs of the scenes of these knobs and this seed; in any order and any worker the same.

    Pair i is scene i of the folder that `write_folder` writes with the same knobs and seed.
    """

    knobs: Knobs
    seed: int
    pairs: int

    def __len__(self) -> int:
        return self.pairs

    def __getitem__(self, index: int) -> FlowPair:
        if not 0 <= index < self.pairs:
            raise IndexError(index)  # ends a plain loop over the data set
        return flow_pair(render(self.knobs, self.seed, index))


def flow_pair(scene: Scene) -> FlowPair:
    """The two frames of a scene with their motion, which is known everywhere."""
    image, second = (
        torch.from_numpy(np.ascontiguousarray(frame.transpose(2, 0, 1))).float().div_(255)
        for frame in (scene.image, scene.second)
    )
    flow = torch.from_numpy(np.ascontiguousarray(scene.flow.transpose(2, 0, 1)))
    occluded = torch.from_numpy(scene.occlusion)
    return FlowPair(image, second, flow, torch.ones_like(occluded), occluded)
