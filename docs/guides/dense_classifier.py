"""A patch classifier of neuron membranes, trained on all patches of a crop at once. See dense_classifier.md.

python docs/guides/dense_classifier.py train ../shared/data/isbi2012_em --window 65
python docs/guides/dense_classifier.py score ../shared/data/isbi2012_em --window 65
"""

import argparse
import time
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import pixelwise as pw
from pixelwise.data import open_image
from pixelwise.metrics.segmentation import confusion_matrix, intersection_over_union, pixel_accuracy

TRAINED_ON, HELD_OUT = range(16), range(16, 20)
"""Slices, as in isbi2012_em_splits.csv."""

CROP = 160
"""Side of a training crop: 96 x 96 patches of 65 pixels."""

STRIP = 8
"""Columns of patches for which the window is slid: all would take a quarter of an hour."""

MEAN, SPREAD = 0.5, 0.25
"""Grey levels are shifted and scaled by round numbers near those of the slices (0.49 and 0.17)."""


class Standardised(nn.Module):
    """Grey levels 0..1 around zero."""

    def forward(self, images: Tensor) -> Tensor:
        """Around -2..2."""
        return (images - MEAN) / SPREAD


def net65(width: int = 32) -> nn.Sequential:
    """Ciresan et al. 2012, the network for windows of 65 pixels; 48 maps per layer there."""
    return nn.Sequential(
        Standardised(),
        *(nn.Conv2d(1, width, 4), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(width, width, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(width, width, 4), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(width * 25, 200), nn.ReLU(), nn.Linear(200, 2)),
    )


def net44(width: int = 32) -> nn.Sequential:
    """The same idea for windows of 44 pixels: a map of 2 x 2 is left for the fully-connected layers."""
    return nn.Sequential(
        Standardised(),
        *(nn.Conv2d(1, width, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(width, width, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(width, width, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(width * 4, 200), nn.ReLU(), nn.Linear(200, 2)),
    )


NETS = {65: net65, 44: net44}


def membranes65() -> nn.Module:
    """The trained network, from membranes65.safetensors in the current folder."""
    return trained(65)


def membranes44() -> nn.Module:
    """The trained network, from membranes44.safetensors in the current folder."""
    return trained(44)


def trained(window: int) -> nn.Module:
    """The network for a window, with the weights that `train` wrote."""
    network = NETS[window]().eval()
    network.load_state_dict(safetensors.torch.load_file(weights_file(window)))
    return network


def weights_file(window: int) -> Path:
    """Where the weights for a window lie."""
    return Path(f"membranes{window}.safetensors")


def read_slice(data: Path, number: int) -> tuple[Tensor, Tensor]:
    """Grey levels (1, H, W) in 0..1, and classes (H, W): 0 interior, 1 membrane."""
    image, label = (open_image(data / kind / f"{number:02}.png") for kind in ("image", "label"))
    grey, white = (each.read(0, 0, *each.size)[:1] for each in (image, label))
    return grey, (white[0] < 0.5).long()


def crops(
    slices: list[tuple[Tensor, Tensor]], window: int, count: int, draws: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Crops in a random place, turned and mirrored, with the class at the centre of each patch."""
    images, labels = [], []
    for _ in range(count):
        image, label = slices[draw(len(slices), draws)]
        top, left = (draw(length - CROP + 1, draws) for length in label.shape)
        both = torch.stack((image[0], label.float()))[:, top : top + CROP, left : left + CROP]
        both = both.rot90(draw(4, draws), (1, 2))
        both = both.flip(2) if draw(2, draws) else both
        images.append(both[:1])
        labels.append(centres(both[1], window).long())
    return torch.stack(images), torch.stack(labels)


def draw(count: int, draws: torch.Generator) -> int:
    """A number from 0 to count - 1."""
    return int(torch.randint(count, (), generator=draws))


def centres(label: Tensor, window: int) -> Tensor:
    """The part of a label map that patches are centred on; an even window's centre is below and right of its middle."""
    before, after = window // 2, (window - 1) // 2
    return label[before : label.shape[0] - after, before : label.shape[1] - after]


def train(data: Path, window: int, steps: int, batch: int = 2) -> None:
    """Trains on all patches of random crops, and writes the weights."""
    torch.manual_seed(0)
    draws = torch.Generator().manual_seed(0)
    slices = [read_slice(data, number) for number in TRAINED_ON]
    network = NETS[window]()
    dense = pw.dense.densify(network, window, channels=1)
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    start, losses = time.perf_counter(), []
    for step in range(1, steps + 1):
        images, labels = crops(slices, window, batch, draws)
        loss = F.cross_entropy(dense(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        if step % 50 == 0:
            print(f"step {step}  loss {np.mean(losses[-50:]):.4f}  {time.perf_counter() - start:.0f} s", flush=True)
    safetensors.torch.save_file(network.state_dict(), weights_file(window))
    patches = steps * labels.numel()
    print(f"{patches / 1e6:.1f} million patches in {time.perf_counter() - start:.0f} s -> {weights_file(window)}")


def score(data: Path, window: int) -> None:
    """Accuracy and overlap on the held-out slices, and the dense map against the sliding window."""
    network = trained(window)
    dense = pw.dense.densify(network, window, channels=1)
    counts = torch.zeros(2, 2, dtype=torch.int64)
    for number in HELD_OUT:
        image, label = read_slice(data, number)
        counts += confusion_matrix(pw.dense.tiled(dense, image, reduce="argmax"), centres(label, window), 2)
    print(
        f"pixel accuracy {pixel_accuracy(counts):.4f}  membrane IoU {intersection_over_union(counts)[1]:.4f}  "
        f"on {counts.sum()} pixels"
    )
    compare(network, dense, read_slice(data, HELD_OUT[0])[0][None], window)


@torch.no_grad()
def compare(network: nn.Module, dense: nn.Module, image: Tensor, window: int) -> None:
    """The dense map of a slice against the sliding window on a strip of it."""
    dense(image[..., : 2 * window, : 2 * window])  # the first run chooses kernels
    start = time.perf_counter()
    together = dense(image)
    middle = time.perf_counter()
    alone = pw.dense.slide(network, image[..., : window + STRIP - 1], window)
    dense_seconds, slide_seconds = middle - start, time.perf_counter() - middle
    each = slide_seconds / alone[0, 0].numel()
    print(
        f"dense: {together[0, 0].numel()} patches in {dense_seconds:.2f} s; sliding: {alone[0, 0].numel()} in "
        f"{slide_seconds:.1f} s, so {each * together[0, 0].numel():.0f} s for all, "
        f"{each * together[0, 0].numel() / dense_seconds:.0f} times as long"
    )
    difference = (together[..., :STRIP] - alone).abs().max()
    print(f"largest difference {difference:.1e} of scores up to {alone.abs().max():.1f}")


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["train", "score"])
    parser.add_argument("data", type=Path)
    parser.add_argument("--window", type=int, choices=[65, 44], default=65)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    if chosen.verb == "train":
        train(chosen.data, chosen.window, chosen.steps)
    else:
        score(chosen.data, chosen.window)


if __name__ == "__main__":
    main()
