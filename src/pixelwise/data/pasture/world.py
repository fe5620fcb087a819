"""What stands where: one scene drawn from the knobs as plain numbers, before any pixel."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64

from pixelwise.data.pasture.knobs import HOME, SPECIES, Knobs, Number

Numbers = Float[np.ndarray, "..."]
Pair = tuple[float, float]

JOINTS = 3
"""Angles of a pose: head, front legs, hind legs."""

TALLEST = 1.1
"""Height of an animal in body lengths, rounded up over the species, to keep heads in the picture."""

CANDIDATES = 5
"""Places tried for each animal; the emptiest is taken, so that herds spread without being regular."""


@dataclass(frozen=True)
class Animal:
    """One animal. Places and ways are pixels of the image, (x, y)."""

    species: int
    """Number in `SPECIES`; its label is one higher."""
    dark: bool
    feet: Pair
    """Middle of the feet in frame 1."""
    length: float
    """From the first to the last pixel along the body, about."""
    facing: int
    """1 looks to the right, -1 to the left."""
    pose: tuple[float, float, float]
    """Turn of each joint, -1..1 of what the species can do."""
    coat: Pair
    """Where on the endless pattern its coat was cut, in texels."""
    tone: float
    """Brightness of its coat, about 1."""
    way: Pair
    """From frame 1 to frame 2."""
    turn: float
    """From frame 1 to frame 2 about the middle of the body, in radians, clockwise in the picture."""


@dataclass(frozen=True)
class World:
    """One scene: the animals stand from back to front, so a later one hides an earlier one."""

    background: int
    """Number in `BACKGROUNDS`."""
    animals: tuple[Animal, ...]
    light: float
    warmth: float
    """-1 cool .. 1 warm."""
    pan: Pair
    """Way of the background from frame 1 to frame 2."""
    horizon: float
    """Row of the horizon in frame 1."""
    phase: Pair
    """Where on the endless ground the scene lies, in texels."""
    word: str | None
    """What a sign says, if one stands there."""
    sign: float
    """Where it stands: 0 left .. 1 right."""


def draw_world(knobs: Knobs, scene: np.random.Generator, herd: np.random.Generator) -> World:
    """One scene of these knobs.

    Every number is drawn whether it is needed or not, so scenes of one seed and index under knobs that differ only
    in, say, `light` differ in nothing else.

    Args:
        knobs: the settings.
        scene: source of what concerns the whole scene.
        herd: source of what concerns the animals.
    """
    lead, background = _draw_lead_and_background(knobs, scene)
    light = scene.uniform(*knobs.light)
    warmth = scene.uniform(-1, 1)
    pan = _draw_ways(scene, knobs.camera, 1)[0]
    horizon = min(scene.uniform(0.28, 0.42) * knobs.reference_pixels, 0.5 * knobs.size[0])
    phase = scene.uniform(0, 4096, 2)
    count = int(scene.integers(knobs.objects[0], knobs.objects[1] + 1))
    chance, agreement, other, sign = scene.random(4)
    named = lead if agreement < knobs.word_agreement else (lead + 1 + int(other * (len(SPECIES) - 1))) % len(SPECIES)
    return World(
        background=background,
        animals=_draw_animals(knobs, herd, (lead, background, count), horizon),
        light=light,
        warmth=warmth,
        pan=_pair(pan),
        horizon=horizon,
        phase=_pair(phase),
        word=SPECIES[named] if chance < knobs.words else None,
        sign=sign,
    )


def _shares(frequencies: tuple[Number, ...]) -> Numbers:
    """Frequencies that sum to one."""
    shares: Numbers = np.array(frequencies, dtype=np.float64) / sum(frequencies)
    return shares


def _pick(shares: Numbers, draws: Numbers | float) -> Int64[np.ndarray, "..."]:
    """For each draw in 0..1 the entry whose share of the line from 0 to 1 it hits; an entry of share 0 is never hit."""
    hit = np.searchsorted(np.cumsum(shares), draws, side="right")
    # Rounding may leave the sum a hair below 1.
    return np.asarray(np.minimum(hit, np.flatnonzero(shares)[-1]), dtype=np.int64)


def _draw_lead_and_background(knobs: Knobs, scene: np.random.Generator) -> tuple[int, int]:
    """Species of the leading animal and the background, by the joint law that `Knobs.correlation` states."""
    species, at_home, elsewhere = scene.random(3)
    lead = int(_pick(_shares(knobs.classes), species))
    background = HOME[lead] if at_home < knobs.correlation else int(_pick(_shares(knobs.backgrounds), elsewhere))
    return lead, background


def _species_given_background(knobs: Knobs, background: int) -> Numbers:
    """P(species | background) by Bayes from the joint law, so that every animal follows it and not only the first."""
    at_home = np.array([home == background for home in HOME])
    joint = knobs.correlation * at_home + (1 - knobs.correlation) * _shares(knobs.backgrounds)[background]
    joint = _shares(knobs.classes) * joint
    shares: Numbers = joint / joint.sum()
    return shares


def _draw_animals(
    knobs: Knobs, herd: np.random.Generator, start: tuple[int, int, int], horizon: float
) -> tuple[Animal, ...]:
    """The leading animal and the others, from back to front."""
    lead, background, count = start
    species = _pick(_species_given_background(knobs, background), herd.random(count))
    species[:1] = lead
    dark = herd.random(count) < np.array(knobs.dark_fur)[species]
    lengths = herd.uniform(*knobs.scale, count) * knobs.reference_pixels
    feet = _draw_places(knobs, herd, lengths, horizon)
    facing = herd.integers(0, 2, count) * 2 - 1
    poses = herd.uniform(-1, 1, (count, JOINTS))
    coats = herd.uniform(0, 4096, (count, 2))
    tones = herd.uniform(0.9, 1.1, count)
    ways = _draw_ways(herd, knobs.motion, count)
    turns = np.deg2rad(herd.uniform(-knobs.turn, knobs.turn, count))
    order = np.argsort(feet[:, 1], kind="stable")
    return tuple(
        Animal(
            species=int(species[i]),
            dark=bool(dark[i]),
            feet=_pair(feet[i]),
            length=float(lengths[i]),
            facing=int(facing[i]),
            pose=(float(poses[i, 0]), float(poses[i, 1]), float(poses[i, 2])),
            coat=_pair(coats[i]),
            tone=float(tones[i]),
            way=_pair(ways[i]),
            turn=float(turns[i]),
        )
        for i in order
    )


def _draw_ways(source: np.random.Generator, lengths: tuple[Number, Number], count: int) -> Numbers:
    """Displacements of evenly drawn length and direction, one (dx, dy) a row."""
    length = source.uniform(*lengths, count)
    angle = source.uniform(0, 2 * np.pi, count)
    return np.stack([length * np.cos(angle), length * np.sin(angle)], axis=1)


def _draw_places(knobs: Knobs, herd: np.random.Generator, lengths: Numbers, horizon: float) -> Numbers:
    """Where the animals stand, (x, y) a row: on the ground, mostly inside the picture, rather apart."""
    height, width = knobs.size
    unit = knobs.reference_pixels
    lowest = height - 0.03 * unit
    highest = np.minimum(np.maximum(horizon + 0.1 * unit, TALLEST * lengths), lowest)
    draws = herd.random((len(lengths), CANDIDATES, 2))
    # A quarter of the body may leave the picture: cut animals are part of the task.
    margin = np.minimum(0.25 * lengths, 0.5 * width)
    places = np.empty((len(lengths), CANDIDATES, 2))
    places[..., 0] = margin[:, None] + draws[..., 0] * (width - 2 * margin)[:, None]
    places[..., 1] = highest[:, None] + draws[..., 1] * (lowest - highest)[:, None]
    taken = np.empty((len(lengths), 2))
    for i, tries in enumerate(places):
        gaps = np.square(tries[:, None] - taken[None, :i]).sum(axis=2).min(axis=1, initial=np.inf)
        taken[i] = tries[int(np.argmax(gaps))]
    return taken


def _pair(values: Numbers) -> Pair:
    """Two plain numbers."""
    return float(values[0]), float(values[1])
