"""Motion and occlusion of a scene, exactly, at every pixel centre of frame 1."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from pixelwise.data.flying.paint import Painting, signed_distance
from pixelwise.data.flying.scene import Scene

Flow = Float[Tensor, "2 H W"]
Mask = Bool[Tensor, "H W"]


def flow_of(scene: Scene, order: UInt8[Tensor, "H W"]) -> Flow:
    """Where what is seen at each pixel centre goes, (dx, dy) in pixels, seen in frame 2 or not."""
    height, width = order.shape
    motions = [layer.motion for layer in scene]
    # motion(p) - p = (factor - 1) p + shift, in one table for all layers.
    table = torch.tensor([[m.factor.real - 1, m.factor.imag, m.shift.real, m.shift.imag] for m in motions])
    turned, tilted, right, down = F.embedding(order.int(), table).unbind(-1)
    x = torch.arange(width) + 0.5
    y = (torch.arange(height) + 0.5)[:, None]
    return torch.stack([turned * x - tilted * y + right, tilted * x + turned * y + down])


def occlusion_of(scene: Scene, order: UInt8[Tensor, "H W"], second: Painting, flow: Flow) -> Mask:
    """Pixels of frame 1 that frame 2 does not show: they leave the picture, or a nearer object covers the point.

    The point is the very end of the flow vector. Most points are decided by the pixel that they fall into; near
    outlines the outlines themselves are asked.
    """
    height, width = order.shape
    x, y = flow[0] + (torch.arange(width) + 0.5), flow[1] + (torch.arange(height) + 0.5)[:, None]
    hidden = (x < 0) | (x >= width) | (y < 0) | (y >= height)
    target = y.long().clamp_(0, height - 1).mul_(width).add_(x.long().clamp_(0, width - 1))
    hidden |= second.sure.view(-1)[target] > order
    doubtful = ((second.reach.view(-1)[target] > order) & ~hidden).view(-1).nonzero()[:, 0]
    if len(doubtful):
        covered = _covered(scene, order.view(-1)[doubtful], x.view(-1)[doubtful], y.view(-1)[doubtful])
        hidden.view(-1)[doubtful] = covered
    return hidden


def _covered(
    scene: Scene, own: UInt8[Tensor, " N"], x: Float[Tensor, " N"], y: Float[Tensor, " N"]
) -> Bool[Tensor, " N"]:
    """Whether a nearer object than their own covers these points of frame 2."""
    covered = torch.zeros(len(x), dtype=torch.bool)
    for number, layer in enumerate(scene[1:], start=1):
        rows = ((own < number) & ~covered).nonzero()[:, 0]
        factor, shift = layer.second.inverse
        places = torch.complex(x[rows].double(), y[rows].double()) * factor + shift
        distance = signed_distance(layer, layer.second, torch.view_as_real(places).float()[None].contiguous())
        covered[rows] = distance[0] < 0
    return covered
