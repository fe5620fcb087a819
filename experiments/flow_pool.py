"""Pairs of flying shapes in memory, ready to be drawn from: made by other processes while training goes on."""

import queue
import threading
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from pixelwise.data.flow import FlowPair
from pixelwise.data.flying import Recipe, draw_frames
from pixelwise.data.transforms.colour import LUMA
from pixelwise.ops import pixel_centres, sample_at

AT_ONCE = 8
"""Pairs that a process hands over together."""

ZOOM, TURN = (1.0, 1.5), 10.0
"""Factors, and degrees to either side: mmflow's recipe after the authors' Caffe augmentation."""

GAMMA, NOISE, CONTRAST, SATURATION, BRIGHTNESS = (0.7, 1.5), 0.04, 0.3, 0.3, 0.1
"""The same source, its jitter of 0.5 lessened: the generator draws colours of its own."""


class FlowBatch(NamedTuple):
    """Pairs side by side; the flow in pixels."""

    first: Tensor
    second: Tensor
    flow: Tensor
    valid: Tensor


class Packed(Dataset[tuple[Tensor, Tensor]]):
    """Both frames as bytes (6, H, W), and the flow in half precision, which is 0.03 pixels coarse at 60 pixels."""

    def __init__(self, recipe: Recipe, seed: int, pairs: int) -> None:
        self.recipe, self.seed, self.pairs = recipe, seed, pairs

    def __len__(self) -> int:
        return self.pairs

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        frames = draw_frames(self.recipe, self.seed, index)
        return torch.cat([frames.image, frames.second]), frames.flow.half()


def loader(recipe: Recipe, seed: int, pairs: int, workers: int) -> DataLoader[tuple[Tensor, Tensor]]:
    """The pairs in order, made by so many processes."""
    ahead = 4 if workers else None
    return DataLoader(Packed(recipe, seed, pairs), batch_size=AT_ONCE, num_workers=workers, prefetch_factor=ahead)


class Pool:
    """The newest pairs, up to a number, on a device."""

    def __init__(self, size: tuple[int, int], capacity: int, device: torch.device) -> None:
        height, width = size
        self.images = torch.empty(capacity, 6, height, width, dtype=torch.uint8, device=device)
        self.flows = torch.empty(capacity, 2, height, width, dtype=torch.float16, device=device)
        self.made = 0

    def __len__(self) -> int:
        return min(self.made, len(self.images))

    def add(self, images: Tensor, flows: Tensor) -> None:
        """Takes pairs in, over the oldest where there is no room."""
        places = torch.arange(self.made, self.made + len(images)) % len(self.images)
        self.images[places.to(self.images.device)] = images.to(self.images.device, non_blocking=True)
        self.flows[places.to(self.flows.device)] = flows.to(self.flows.device, non_blocking=True)
        self.made += len(images)

    def draw(self, count: int, draws: torch.Generator) -> FlowBatch:
        """Pairs drawn with replacement, moved and tinted anew."""
        chosen = torch.randint(len(self), (count,), generator=draws, device=self.images.device)
        return tinted(moved(self.at(chosen), draws), draws)

    def at(self, places: Tensor) -> FlowBatch:
        """The pairs at these places, as they were made."""
        first, second = (self.images[places].float() / 255).chunk(2, dim=1)
        return FlowBatch(first, second, self.flows[places].float(), torch.ones_like(first[:, 0], dtype=torch.bool))


def filled(pairs: Sequence[FlowPair], device: torch.device) -> Pool:
    """A pool of these pairs, all of one size."""
    pool = Pool((pairs[0].image.shape[-2], pairs[0].image.shape[-1]), len(pairs), device)
    for pair in pairs:
        images = torch.cat([pair.image, pair.second]).mul(255).round().to(torch.uint8)
        pool.add(images[None], pair.flow[None].half())
    return pool


class Arrivals:
    """Pairs as other processes finish them, without waiting for any."""

    def __init__(self, source: DataLoader[tuple[Tensor, Tensor]], waiting: int = 64) -> None:
        self._queue: queue.Queue[tuple[Tensor, Tensor]] = queue.Queue(waiting)
        self._source = source
        self._ended = False
        self._thread = threading.Thread(target=self._fetch, daemon=True)
        self._thread.start()

    def _fetch(self) -> None:
        for batch in self._source:
            while not self._ended:
                try:
                    self._queue.put(tuple(batch), timeout=0.5)
                    break
                except queue.Full:
                    continue
            if self._ended:
                return

    def now(self) -> Iterator[tuple[Tensor, Tensor]]:
        """What has arrived since the last call."""
        while True:
            try:
                yield self._queue.get_nowait()
            except queue.Empty:
                return

    def end(self) -> None:
        """Lets the processes go."""
        self._ended = True
        self._thread.join(timeout=30)


def moved(batch: FlowBatch, draws: torch.Generator) -> FlowBatch:
    """Every pair flipped, turned and enlarged by a draw of its own; vectors turn and grow with the picture."""
    count, _, height, width = batch.first.shape
    device = batch.first.device
    flips = torch.randint(2, (2, count), generator=draws, device=device) * 2.0 - 1
    zoom = _between(ZOOM, count, draws, device)
    angle = torch.deg2rad(_between((-TURN, TURN), count, draws, device))
    cosine, sine = angle.cos() * zoom, angle.sin() * zoom
    rows = [torch.stack([cosine * flips[0], -sine * flips[1]], 1), torch.stack([sine * flips[0], cosine * flips[1]], 1)]
    linear = torch.stack(rows, 1)  # count 2 2: from old vectors to new ones
    centre = torch.tensor([width / 2, height / 2], device=device)[:, None, None]
    places = pixel_centres(height, width, like=batch.first)
    sources = torch.einsum("bij,jhw->bihw", torch.linalg.inv(linear), places - centre) + centre
    first, second = (sample_at(images, sources)[0] for images in (batch.first, batch.second))
    flow, inside = sample_at(batch.flow, sources, mode="nearest", border="constant")
    return FlowBatch(first, second, torch.einsum("bij,bjhw->bihw", linear, flow), inside)


def tinted(batch: FlowBatch, draws: torch.Generator) -> FlowBatch:
    """Both images of a pair with the same change of light, and noise of their own."""
    count, device = len(batch.first), batch.first.device
    both = torch.stack([batch.first, batch.second], 1)
    grey = (both * torch.tensor(LUMA, device=device).view(3, 1, 1)).sum(2, keepdim=True)
    changes = [
        _between(ends, count, draws, device).view(-1, 1, 1, 1, 1)
        for ends in (
            (1 - SATURATION, 1 + SATURATION),
            (1 - CONTRAST, 1 + CONTRAST),
            (-BRIGHTNESS, BRIGHTNESS),
            GAMMA,
            (0, NOISE),
        )
    ]
    saturation, contrast, brightness, gamma, noise = changes
    both = grey + saturation * (both - grey)
    both = (0.5 + contrast * (both - 0.5) + brightness).clamp(1e-3, 1) ** gamma
    both = (both + noise * torch.randn(both.shape, generator=draws, device=device)).clamp(0, 1)
    return FlowBatch(both[:, 0], both[:, 1], batch.flow, batch.valid)


def _between(ends: tuple[float, float], count: int, draws: torch.Generator, device: torch.device) -> Tensor:
    return ends[0] + (ends[1] - ends[0]) * torch.rand(count, generator=draws, device=device)
