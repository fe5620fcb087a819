"""Claim: an encoder that has learned to classify images needs fewer labelled pixels, and the gain fades as they grow.

Source: Long, Shelhamer, Darrell 2015, section 4.3 (fine-tuning a classifier instead of training from scratch).

A ResNet-18 (narrow) first learns to name the one large animal in each of 2,000 scenes, without any label map. FCNs
with this encoder and with a fresh one are then trained alike on 4, 16 and 64 labelled scenes. Measured: mean IoU over
five classes, and whether the gain with the fewest scenes is larger than with the most.

    python -m experiments.transfer

Takes about 6 minutes on one core: 5 seeds; 2,000 steps of 8 scenes of 64 x 64 pixels for the classifier, 80 for each
of the 6 networks.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from experiments.accuracy import score
from experiments.arguments import arguments, read
from experiments.contest import TEST_SEED
from experiments.intervals import paired, t_interval, verdict
from experiments.outcome import write_chart, write_table
from experiments.scenes import Scenes, draw_scenes
from experiments.short_training import MEAN, SPREAD, Schedule, predicted, trained
from pixelwise.backbones import resnet18, transfer
from pixelwise.data.pasture import CLASSES, Knobs
from pixelwise.data.transforms import Sample, augment, light
from pixelwise.drawing import line_chart
from pixelwise.models.segmentation.fcn_resnet import FCNResNet, fcn_resnet18

SPECIES = len(CLASSES) - 1

PRETRAINING_SEED = 2_000_000
"""Far from the seeds of labelled and of test scenes."""

LABELLED = (4, 16, 64)

LARGE = (0.45, 0.75)
"""Sizes of the animals that are to be named, in heights of the scene: of small ones a narrow network learns little."""


def classifier(scenes: Scenes, steps: int, width: int, seed: int) -> nn.Module:
    """A ResNet-18 that has learned which species each scene shows.

    Args:
        scenes: with one animal each.
        steps: training steps of 8 scenes.
        width: channels of the first stage.
        seed: of weights and draws.
    """
    torch.manual_seed(seed)
    draws = torch.Generator().manual_seed(seed)
    species = scenes.labels.flatten(1).amax(1).long() - 1
    network = resnet18(num_classes=SPECIES, width=width).train()
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=max(2, steps), pct_start=0.1)
    for _ in range(steps):
        chosen = torch.randint(len(scenes), (8,), generator=draws)
        loss = F.cross_entropy(network(scaled(_moved(scenes.images[chosen], draws))), species[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rates.step()
    return network.eval()


def scaled(images: Tensor) -> Tensor:
    """Images as the segmenters are shown them."""
    return (images - torch.tensor(MEAN).view(-1, 1, 1)) / torch.tensor(SPREAD).view(-1, 1, 1)


def _moved(images: Tensor, draws: torch.Generator) -> Tensor:
    return torch.stack([augment(Sample(image=image / 255), light(), draws).image for image in images])


@torch.inference_mode()
def accuracy(network: nn.Module, scenes: Scenes) -> float:
    """The share of scenes whose animal is named rightly."""
    named = torch.cat([network(scaled(images / 255)).argmax(1) for images in scenes.images.split(16)])
    return float((named == scenes.labels.flatten(1).amax(1).long() - 1).float().mean())


def segmenter(encoder: nn.Module | None, width: int, seed: int) -> FCNResNet:
    """A fresh FCN, its encoder filled with the classifier's weights where there is one."""
    torch.manual_seed(seed)
    network = fcn_resnet18(len(CLASSES), width=width)
    if encoder is not None:
        transfer(network, encoder.state_dict(), "the classifier", {"": "backbone."})
    return network


def main(words: list[str] | None = None) -> None:
    """Trains, prints and writes."""
    chosen = read(arguments(__doc__, seeds=5, steps=80), words)
    side, many, count, width = (48, 8, 4, 4) if chosen.quick else (64, 2000, 120, 8)
    knobs, single = Knobs(size=(side, side)), Knobs(size=(side, side), objects=(1, 1), scale=LARGE)
    pretraining = 2 if chosen.quick else 2000
    rows: list[dict[str, object]] = []
    for seed in range(chosen.seeds):
        encoder = classifier(draw_scenes(single, many, PRETRAINING_SEED + seed), pretraining, width, seed)
        named = accuracy(encoder, draw_scenes(single, count, TEST_SEED + seed))
        print(
            f"seed {seed}: the classifier names {named:.0%} of unseen animals ({1 / SPECIES:.0%} by chance)", flush=True
        )
        labelled = draw_scenes(knobs, LABELLED[-1], seed)
        test = draw_scenes(knobs, count, TEST_SEED + seed)
        for number in LABELLED:
            for start, source in (("transfer", encoder), ("scratch", None)):
                network = segmenter(source, width, seed)
                model = trained(network, labelled.first(number), Schedule(chosen.steps), seed)
                found = score(predicted(model, test), test.labels, len(CLASSES))
                rows.append({"seed": seed, "labelled": number, "start": start, "mean IoU": found})
    write_table(chosen.out / "transfer.csv", rows)
    report(rows)
    means = {
        start: [(n, t_interval(values(rows, n, start)).mean) for n in LABELLED] for start in ("transfer", "scratch")
    }
    chart = line_chart(means, "labelled scenes", "mean IoU", "Transfer from a classifier, and from scratch")
    write_chart(chosen.out / "transfer.svg", chart)


def values(rows: list[dict[str, object]], labelled: int, start: str) -> list[float]:
    """The mean IoU of every seed."""
    return [float(str(row["mean IoU"])) for row in rows if (row["labelled"], row["start"]) == (labelled, start)]


def report(rows: list[dict[str, object]]) -> None:
    """Prints each gain with its interval, and whether it fades."""
    gains = {}
    for number in LABELLED:
        with_encoder, without = values(rows, number, "transfer"), values(rows, number, "scratch")
        gains[number] = [a - b for a, b in zip(with_encoder, without, strict=True)]
        gain = paired(with_encoder, without)
        print(f"{number:3} labelled scenes: transfer {t_interval(with_encoder)}, scratch {t_interval(without)}")
        print(f"    transfer over scratch: {gain}; the claim {verdict(gain)}")
    fading = paired(gains[LABELLED[0]], gains[LABELLED[-1]])
    print(f"gain with {LABELLED[0]} over gain with {LABELLED[-1]}: {fading}; that it fades {verdict(fading)}")


if __name__ == "__main__":
    main()
