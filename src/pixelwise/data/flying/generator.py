"""A pair of frames with exact motion, from a recipe, a seed and an index."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float32, UInt8
from torch.utils.data import Dataset

from pixelwise.data.flow.pair import FlowPair
from pixelwise.data.flying.paint import paint
from pixelwise.data.flying.recipe import Recipe
from pixelwise.data.flying.scene import draw_scene
from pixelwise.data.flying.truth import flow_of, occlusion_of
from pixelwise.data.pasture.render import check_draw


@dataclass(frozen=True)
class Frames:
    """Two frames and their truth, as files hold them.

    Attributes:
        image: frame 1, RGB 0..255.
        second: frame 2.
        flow: (dx, dy) in pixels from frame 1 to frame 2, of the surface seen at every pixel centre of frame 1.
        occlusion: True where frame 2 does not show that point: it left the picture or something nearer covers it.
    """

    image: UInt8[torch.Tensor, "3 H W"]
    second: UInt8[torch.Tensor, "3 H W"]
    flow: Float32[torch.Tensor, "2 H W"]
    occlusion: Bool[torch.Tensor, "H W"]

    def pair(self) -> FlowPair:
        """The same for training: images in 0..1, flow valid everywhere."""
        return FlowPair(
            self.image.float().div_(255),
            self.second.float().div_(255),
            self.flow,
            torch.ones_like(self.occlusion),
            self.occlusion,
        )


def draw_frames(recipe: Recipe, seed: int, index: int = 0) -> Frames:
    """Pair number `index` of the flying shapes that recipe and seed describe.

    It depends on nothing else: not on the pairs made before, the process or the time. On another processor single
    bytes may differ, as sine and exponential do in their last bit.

    Raises:
        InputError: seed or index is negative or no whole number.
    """
    check_draw("seed", seed)
    check_draw("index", index)
    scene = draw_scene(recipe, np.random.default_rng(np.random.SeedSequence([seed, index])))
    first = paint(scene, tuple(layer.first for layer in scene), recipe.size)
    second = paint(scene, tuple(layer.second for layer in scene), recipe.size)
    flow = flow_of(scene, first.order)
    occlusion = occlusion_of(scene, first.order, second, flow)
    return Frames(_bytes(first.canvas), _bytes(second.canvas), flow, occlusion)


def _bytes(canvas: Float32[torch.Tensor, "3 H W"]) -> UInt8[torch.Tensor, "3 H W"]:
    return canvas.mul(255).round_().clamp_(0, 255).to(torch.uint8)


@dataclass(frozen=True)
class FlyingPairs(Dataset[FlowPair]):
    """So many pairs of one recipe and seed, each made when it is asked for; in any order and any worker the same."""

    recipe: Recipe
    seed: int
    pairs: int

    def __len__(self) -> int:
        return self.pairs

    def __getitem__(self, index: int) -> FlowPair:
        if not 0 <= index < self.pairs:
            raise IndexError(index)  # ends a plain loop over the data set
        return draw_frames(self.recipe, self.seed, index).pair()
