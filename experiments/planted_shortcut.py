"""Claim: where places give animals away, a network learns the places; an audit finds it, random backgrounds mend it.

Source: Beery, Van Horn, Perona 2018, "Recognition in Terra Incognita" (the cow on the beach); Xiao et al. 2021, "Noise
or Signal: The Role of Image Backgrounds in Object Recognition" (the arms of the swap, and training on mixed
backgrounds).

Narrow U-Nets learn four species. In the first world 95 of 100 animals stand at home (cows on pasture, camels in the
desert); one network is trained plainly, one with every animal on the background of a random training scene, one with
half of them there. A fourth network is trained plainly in a world where places say nothing. Each is audited by the
background swap on new scenes of its own world, and scored on scenes where places say nothing, which an auditor would
not have. Measured: the context effect (same-class minus other-class background), the artefact effect (original minus
pasted back), the verdict at a margin of 0.1.

    python -m experiments.planted_shortcut

Takes about 16 minutes on one core: 5 seeds of 4 networks, 900 steps of 8 scenes of 48 x 48 pixels each.
"""

import argparse
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from experiments.arguments import arguments, read
from experiments.intervals import paired, t_interval, verdict
from experiments.outcome import write_chart, write_table
from experiments.scenes import Scenes, draw_scenes
from experiments.short_training import Change, Schedule, predicted, trained, unchanged
from pixelwise.audits.shortcuts.cases import Cases, cases_from
from pixelwise.audits.shortcuts.effects import Effects, effects
from pixelwise.audits.shortcuts.findings import MARGIN, verdict_on
from pixelwise.audits.shortcuts.pictures import swap_sheet
from pixelwise.audits.shortcuts.sight import segmenter_sight
from pixelwise.audits.shortcuts.swap import background_swap
from pixelwise.data.pasture import CLASSES, Knobs
from pixelwise.data.transforms import Sample
from pixelwise.data.transforms.background import backgrounds_of, random_background
from pixelwise.drawing import bar_chart, write_picture
from pixelwise.models import UNet

WORLD = Knobs(size=(48, 48), objects=(1, 1), scale=(0.45, 0.75), correlation=0.95)
"""One large animal a scene: after 900 steps a narrow network names it, and the place still helps."""

NETWORKS = {
    "plain": (0.95, 0.0),
    "half random": (0.95, 0.5),
    "random backgrounds": (0.95, 1.0),
    "no correlation": (0.0, 0.0),
}
"""For each network how strongly its world ties species to places, and how often it sees another background."""

AUDIT_SEED, UNBIASED_SEED = 1_000_000, 2_000_000
"""Far from the seeds of training scenes, so that no scene is in both."""

SHOWN = 4


def main(words: list[str] | None = None) -> None:
    """Trains, audits, prints and writes."""
    chosen = read(arguments(__doc__, seeds=5, steps=900), words)
    rows = [row(chosen, name, seed) for seed in range(chosen.seeds) for name in NETWORKS]
    write_table(chosen.out / "planted_shortcut.csv", rows)
    summary(chosen.out, rows)


def row(chosen: argparse.Namespace, name: str, seed: int) -> dict[str, str | float | int]:
    """One network: trained, audited, scored."""
    count, audited, width = (40, 24, 4) if chosen.quick else (400, 300, 8)
    correlation, share = NETWORKS[name]
    world = replace(WORLD, correlation=correlation)
    start = time.process_time()
    model = network(draw_scenes(world, count, seed), Schedule(chosen.steps), width, seed, share)
    seconds = time.process_time() - start
    scenes = draw_scenes(world, audited, AUDIT_SEED + seed)
    cases = cases_from([sample_of(scenes, i) for i in range(audited)], [f"{i:03d}" for i in range(audited)])
    sight = segmenter_sight(partial(labels_of, model), len(CLASSES))
    swap = background_swap(sight, cases, seed)
    found = effects(swap, np.random.default_rng(seed))
    unbiased = draw_scenes(replace(WORLD, correlation=0.0), audited, UNBIASED_SEED + seed)
    recall = animal_recall(predicted(model, unbiased), unbiased.labels)
    if seed == 0:
        write_sheet(chosen.out / f"planted_shortcut_{name.replace(' ', '_')}.png", model, cases, seed)
    told = told_row(found)
    print(
        f"seed {seed}: {name} in {seconds:.0f} s of CPU: context {found.context}, artefact {found.artefact}", flush=True
    )
    return {"seed": seed, "network": name, "training": seconds, **told, "recall where places say nothing": recall}


def network(scenes: Scenes, schedule: Schedule, width: int, seed: int, share: float) -> nn.Module:
    """A trained narrow U-Net, with random backgrounds as often as said."""
    change: Change = unchanged
    if share:
        backgrounds = backgrounds_of([sample_of(scenes, index) for index in range(len(scenes))])

        def change(sample: Sample, draws: torch.Generator) -> Sample:
            return random_background(sample, backgrounds, draws, share)

    torch.manual_seed(seed)
    return trained(UNet(len(CLASSES), width=width, depth=3), scenes, schedule, seed, change)


def sample_of(scenes: Scenes, index: int) -> Sample:
    """One scene as a sample."""
    return Sample(scenes.images[index] / 255, scenes.labels[index])


@torch.inference_mode()
def labels_of(model: nn.Module, image: Tensor) -> Tensor:
    """The class of each pixel of one image."""
    scores: Tensor = model(image[None])[0]
    return scores.argmax(0)


def animal_recall(predictions: Tensor, truth: Tensor) -> float:
    """Share of the animals' pixels that got their species."""
    animals = truth > 0
    return float((predictions == truth)[animals].float().mean())


def told_row(found: Effects) -> dict[str, str | float]:
    """The figures of one audit."""
    arms = {arm: each.value for arm, each in found.arms.items()}
    parts = {"context": found.context, "artefact": found.artefact, "excess": found.excess, "reliance": found.reliance}
    ends = {f"{name} {end}": getattr(part, end) for name, part in parts.items() for end in ("value", "lo", "hi")}
    return {**arms, **ends, "verdict": verdict_on(found.context, MARGIN)}


def write_sheet(path: Path, model: nn.Module, cases: Cases, seed: int) -> None:
    """Some objects in every arm, with what the model makes of them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_picture(path, swap_sheet(cases, seed, SHOWN, partial(labels_of, model), CLASSES))


def summary(out: Path, rows: list[dict[str, str | float | int]]) -> None:
    """Means over seeds, verdicts, and whether the claims hold."""
    effect = {name: {part: column(rows, name, part) for part in ("context", "artefact")} for name in NETWORKS}
    for name, parts in effect.items():
        verdicts = [line["verdict"] for line in rows if line["network"] == name]
        told = ", ".join(f"{verdicts.count(each)} {each}" for each in ("fail", "inconclusive", "pass"))
        print(f"{name:20} context {t_interval(parts['context'])}, artefact {t_interval(parts['artefact'])}; {told}")
    over = paired(effect["plain"]["context"], effect["plain"]["artefact"])
    print(f"plain: context over artefact {over}; the claim {verdict(over)}")
    less = paired(effect["plain"]["context"], effect["random backgrounds"]["context"])
    print(f"context effect, plain over random backgrounds {less}; the claim {verdict(less)}")
    means = {name: t_interval(parts["context"]) for name, parts in effect.items()}
    ends = {name: (each.low, each.high) for name, each in means.items() if each.count > 1}
    bars = {name: each.mean for name, each in means.items()}
    write_chart(out / "planted_shortcut.svg", bar_chart(bars, "Context effect", "share of pixels", intervals=ends))


def column(rows: list[dict[str, str | float | int]], name: str, part: str) -> list[float]:
    """One effect of one network, seed by seed."""
    return [float(line[f"{part} value"]) for line in rows if line["network"] == name]


if __name__ == "__main__":
    main()
