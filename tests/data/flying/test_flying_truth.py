"""Frames, motion and occlusion of flying shapes: as an independent slow painter has them, and as pictures show them."""

import numpy as np
import pytest
import torch

from pixelwise.data.flying import Recipe, draw_frames
from pixelwise.data.flying.paint import NEAR, paint, signed_distance
from pixelwise.data.flying.scene import Scene, draw_scene
from pixelwise.data.flying.truth import flow_of, occlusion_of
from pixelwise.ops import warp
from references.flying_shapes import frame, hidden_at, motion_of

SIZE = (32, 36)


def scene_of(seed: int, recipe: Recipe) -> Scene:
    return draw_scene(recipe, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(3))
def test_everything_agrees_with_the_slow_painter(seed: int) -> None:
    scene = scene_of(seed, Recipe(SIZE, objects=(4, 7), motion=2))
    first = paint(scene, tuple(layer.first for layer in scene), SIZE)
    second = paint(scene, tuple(layer.second for layer in scene), SIZE)
    flow = flow_of(scene, first.order)
    hidden = occlusion_of(scene, first.order, second, flow)
    for painting, which in ((first, False), (second, True)):
        picture, order = frame(scene, which, SIZE)
        np.testing.assert_allclose(painting.canvas.permute(1, 2, 0).numpy(), picture, atol=1e-4)
        assert (painting.order.numpy() != order).mean() < 0.002  # centres on an outline, to the last bit
    assert len(np.unique(first.order)) > 3
    checked = 0
    for row in range(SIZE[0]):
        for column in range(SIZE[1]):
            number = int(first.order[row, column])
            dx, dy = motion_of(scene[number], column + 0.5, row + 0.5)
            assert abs(float(flow[0, row, column]) - dx) < 1e-4
            assert abs(float(flow[1, row, column]) - dy) < 1e-4
            wanted, margin = hidden_at(scene, number, column + 0.5 + dx, row + 0.5 + dy, SIZE)
            if margin > 1e-3:
                assert bool(hidden[row, column]) == wanted
                checked += 1
    assert checked > 0.95 * SIZE[0] * SIZE[1]


def test_what_is_decided_by_whole_pixels_is_decided_rightly() -> None:
    # NEAR promises: from this far inside or outside at a pixel's centre, the whole pixel is inside or outside.
    scene = scene_of(5, Recipe((64, 64), objects=(12, 12)))
    generator = torch.Generator().manual_seed(0)
    for layer in scene[1:]:
        x, y = torch.rand(2, 4000, generator=generator, dtype=torch.float64) * 64
        centres = torch.stack([x.floor() + 0.5, y.floor() + 0.5])
        factor, shift = layer.first.inverse
        far, near = (
            signed_distance(
                layer,
                layer.first,
                torch.view_as_real(torch.complex(places[0], places[1]) * factor + shift).float()[None].contiguous(),
            )[0]
            for places in (torch.stack([x, y]), centres)
        )
        assert (far[near > NEAR] > 0).all()
        assert (far[near < -NEAR] < 0).all()


def test_warping_frame_2_shows_frame_1_where_nothing_is_hidden() -> None:
    errors, raw = [], []
    for index in range(4):
        frames = draw_frames(Recipe((96, 128)), seed=1, index=index)
        pair = frames.pair()
        back, inside = warp(pair.second[None], pair.flow[None])
        # At outlines one pixel shows two surfaces, which part ways; the rest is the error of reading between pixels.
        edges = torch.nn.functional.max_pool2d(_edges(pair.flow), 5, 1, 2)[0] > 0
        hidden = torch.nn.functional.max_pool2d(frames.occlusion[None].float(), 3, 1, 1)[0] > 0
        seen = inside[0] & ~hidden & ~edges
        assert seen.float().mean() > 0.3
        errors.append(float((back[0] - pair.image).abs().mean(0)[seen].mean()))
        raw.append(float((pair.second - pair.image).abs().mean(0)[seen].mean()))
    assert max(errors) < 0.012  # 3 grey levels of 255, the blur of one more reading
    assert sum(errors) < 0.25 * sum(raw)


def test_hidden_pixels_do_not_match() -> None:
    frames = draw_frames(Recipe((96, 128), objects=(10, 10), motion=3), seed=2)
    pair = frames.pair()
    back, inside = warp(pair.second[None], pair.flow[None])
    error = (back[0] - pair.image).abs().mean(0)
    covered = frames.occlusion & inside[0]
    assert covered.float().mean() > 0.03
    assert error[covered].mean() > 3 * error[~frames.occlusion].mean()


def test_nothing_moves_without_motion() -> None:
    frames = draw_frames(Recipe((48, 64), motion=0), seed=3)
    assert torch.equal(frames.image, frames.second)
    assert frames.flow.abs().max() < 1e-4
    assert not frames.occlusion.any()


def test_a_background_alone_moves_as_one() -> None:
    frames = draw_frames(Recipe((64, 64), objects=(0, 0)), seed=0)
    x = (torch.arange(64) + 0.5).expand(64, 64)
    design = torch.stack([x, x.T, torch.ones(64, 64)]).flatten(1).T.double()
    for axis in frames.flow:
        target = axis.flatten().double()[:, None]
        fit = design @ torch.linalg.lstsq(design, target).solution
        assert (fit - target).abs().max() < 1e-4


def _edges(flow: torch.Tensor) -> torch.Tensor:
    """Where the motion jumps between neighbours."""
    jump = torch.zeros(flow.shape[1:])
    jump[:, 1:] += (flow[:, :, 1:] - flow[:, :, :-1]).norm(dim=0)
    jump[1:] += (flow[:, 1:] - flow[:, :-1]).norm(dim=0)
    return (jump > 0.5).float()[None]
