"""Claim: a small image has many large ones that shrink to it exactly, and they may show another animal.

Source of the question: the debate about PULSE (Menon, Damian, Hu, Ravi, Rudin 2020), which shows one of many faces that
shrink to the same input. Here the truth is known: scenes of Pasture with one animal of four species each, made small by
MATLAB's bicubic rule. For each test scene, the likest of 600 scenes of other species are changed as little as possible
until they shrink to the same small image; a classifier trained on large scenes names the animal in each.

    python -m experiments.superres_explanations

Prints per factor the share of test scenes whose species depends on the explanation shown, with its interval (Wilson).
The picture shows the input enlarged, the scene it came from, and others it could have come from. Takes about 1 minute
on 1 core.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from experiments.arguments import arguments, read
from experiments.outcome import write_chart, write_table
from pixelwise.audits.superres_honesty import (
    ambiguity_finding,
    consistency_finding,
    deviations,
    explain,
    flip_finding,
    flips,
    peak_ratios,
    shrinking,
)
from pixelwise.backbones.small import SmallClassifier
from pixelwise.data.pasture import CLASSES, Knobs, render
from pixelwise.drawing import bar_chart, contact_sheet, write_picture
from pixelwise.ops.matlab_resize import resize_matlab
from pixelwise.ops.resize import resize

SIDE = 64
KNOBS = Knobs(size=(SIDE, SIDE), objects=(1, 1), scale=(0.6, 0.9), light=(0.8, 1.1), noise=0)
"""One large animal in each picture, in daylight and without noise."""

FACTORS = (2, 4, 8)
OTHERS = 6
"""Scenes of other species that each input is explained by, beside its own."""

ROUNDS = 60
"""Most explanations are close enough within about ten; those that are not by then are left out."""

TEST_SEED = 1_000_000
"""Far from the seed of the training scenes; the other species' scenes have twice this seed."""

SHOWN = 4
"""Test scenes in the picture."""


def scenes(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Images (N, 3, H, W) in 0..1 and the species of their animal, 0..3; the few without a visible one are left out."""
    drawn = [render(KNOBS, seed, index) for index in range(count)]
    seen = [scene for scene in drawn if len(scene.classes)]
    images = torch.from_numpy(np.stack([scene.image for scene in seen])).permute(0, 3, 1, 2).float() / 255
    return images, torch.tensor([int(scene.classes[0]) - 1 for scene in seen])


def trained(images: Tensor, species: Tensor, steps: int, seed: int) -> nn.Module:
    """A small classifier of the four species."""
    torch.manual_seed(seed)
    model = SmallClassifier(4, width=8, patch=SIDE)
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=1e-4)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=max(2, steps), pct_start=0.1)
    for _ in range(steps):
        chosen = torch.randint(len(images), (32,))
        batch = images[chosen]
        batch = batch.flip(-1) if torch.rand(()) < 0.5 else batch
        loss = F.cross_entropy(model(batch), species[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rates.step()
    return model.eval()


def named(model: nn.Module, image: Tensor) -> str:
    """The species that the classifier sees."""
    with torch.no_grad():
        return CLASSES[1 + int(model(image[None].float()).argmax())]


def explained(
    images: Tensor, species: Tensor, others: tuple[Tensor, Tensor], factor: int
) -> tuple[list[Tensor], float]:
    """Per test scene, itself and what the likest scenes of other species become when they must shrink alike.

    The likest are those whose small images are nearest in least squares; they need the smallest changes.
    """
    way = shrinking(SIDE, SIDE, partial(resize_matlab, scale=1 / factor))
    pool, theirs = others
    small_pool = way.down(pool).flatten(1)
    found = []
    for image, mine in zip(images, species, strict=True):
        small = way.down(image).clamp(0, 1)
        distances = (small_pool - small.flatten()).square().sum(1).masked_fill(theirs == mine, torch.inf)
        good = explain(small, pool[distances.argsort()[:OTHERS]], way, ROUNDS).good()
        found.append(torch.cat([image[None].double(), good]))
    return found, way.free_share


def picture(found: list[Tensor], factor: int) -> NDArray[np.uint8]:
    """A row per scene: the input enlarged, the scene, and explanations by other scenes."""
    cells = []
    for images in found[:SHOWN]:
        small = resize_matlab(images[0], 1 / factor).clamp(0, 1)
        shown = [resize(small[None], (SIDE, SIDE), "nearest-exact")[0], *images[: OTHERS + 1]]
        for image in shown:
            bytes_ = (image.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
            cells.append(bytes_.repeat(2, 0).repeat(2, 1))
    return contact_sheet(cells, OTHERS + 2, gap=4)


def main(words: list[str] | None = None) -> None:
    """Measures, prints and writes."""
    chosen = read(arguments(__doc__, seeds=1, steps=400), words)
    training, test, pool = (40, 8, 40) if chosen.quick else (800, 60, 600)
    model = trained(*scenes(training, 0), chosen.steps, 0)
    images, species = scenes(test, TEST_SEED)
    others = scenes(pool, 2 * TEST_SEED)
    right = sum(named(model, image) == CLASSES[1 + int(each)] for image, each in zip(images, species, strict=True))
    print(f"the classifier names {right} of {len(images)} test scenes right")
    rows: list[dict[str, Any]] = []
    for factor in FACTORS:
        found, free = explained(images, species, others, factor)
        answers = flips(partial(named, model), found)
        share = answers.rate()
        ratios = torch.cat([peak_ratios(each) for each in found if len(each) > 1])
        row = {"factor": factor, "flipped": share.value, "low": share.lo, "high": share.hi, "inputs": share.n}
        rows.append(row | {"open": free, "median PSNR": float(ratios.median())})
        print(f"x{factor}: {ambiguity_finding(found, free).claim}")
        print(f"x{factor}: {flip_finding(answers).claim}: {share}")
        enlarged = partial(resize_matlab, scale=factor)
        back = deviations(
            enlarged, [resize_matlab(each, 1 / factor) for each in images], partial(resize_matlab, scale=1 / factor)
        )
        print(f"x{factor}: enlarged by bicubic interpolation: {consistency_finding(back).claim}")
        write_sheet(chosen.out / f"superres_explanations_x{factor}.png", picture(found, factor))
    write_table(chosen.out / "superres_explanations.csv", rows)
    bars = {f"x{row['factor']}": float(row["flipped"]) for row in rows}
    ends = {f"x{row['factor']}": (float(row["low"]), float(row["high"])) for row in rows}
    title = "Scenes whose species depends on the explanation"
    write_chart(chosen.out / "superres_explanations.svg", bar_chart(bars, title, "share of scenes", intervals=ends))


def write_sheet(path: Path, sheet: NDArray[np.uint8]) -> None:
    """Writes a picture and says so."""
    write_picture(path, sheet)
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
