"""Several networks trained alike on the same scenes, seed by seed, so that what a seed brings cancels between them."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from experiments.scenes import Scenes, draw_scenes
from experiments.short_training import Schedule, predicted, trained
from pixelwise.data.pasture import Knobs

TEST_SEED = 1_000_000
"""Far from the seeds of training scenes, so that no scene is in both."""


@dataclass(frozen=True)
class World:
    """Scenes to train and to test on; `animals` false keeps the four species apart, true makes them one class."""

    knobs: Knobs
    training: int
    test: int
    animals: bool = False

    @property
    def num_classes(self) -> int:
        """Classes with the background."""
        return 2 if self.animals else 5

    def drawn(self, seed: int) -> tuple[Scenes, Scenes]:
        """Training and test scenes of one seed."""
        both = draw_scenes(self.knobs, self.training, seed), draw_scenes(self.knobs, self.test, TEST_SEED + seed)
        if not self.animals:
            return both
        training, test = (Scenes(scenes.images, (scenes.labels > 0).to(torch.uint8)) for scenes in both)
        return training, test


@dataclass(frozen=True)
class Round:
    """The test labels of one seed and what each network made of the images."""

    truth: Tensor
    predictions: Mapping[str, Tensor]


def contest(
    networks: Mapping[str, Callable[[], nn.Module]],
    world: World,
    schedule: Schedule,
    seeds: int,
    derived: Mapping[str, tuple[str, Callable[[nn.Module], nn.Module]]] | None = None,
) -> list[Round]:
    """Trains every network once a seed, on that seed's scenes, from that seed's weights, with that seed's draws.

    Args:
        networks: builders by name.
        world: the scenes.
        schedule: how each is trained.
        seeds: how many times.
        derived: further contestants that are not trained: the name of a trained one, and what to make of it.
    """
    rounds = []
    for seed in range(seeds):
        training, test = world.drawn(seed)
        predictions = {}
        for name, build in networks.items():
            start = time.perf_counter()
            torch.manual_seed(seed)
            model = trained(build(), training, schedule, seed)
            predictions[name] = predicted(model, test)
            for other, (source, changed) in (derived or {}).items():
                if source == name:
                    predictions[other] = predicted(changed(model), test)
            print(f"seed {seed}: {name} in {time.perf_counter() - start:.0f} s", flush=True)
        rounds.append(Round(test.labels, predictions))
    return rounds
