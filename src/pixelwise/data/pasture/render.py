"""A scene with every kind of truth at once, from knobs, a seed and an index."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt8, UInt16

from pixelwise.data.pasture import truth
from pixelwise.data.pasture.bodies import Body, Place, pose
from pixelwise.data.pasture.captions import Sighting, attributes, caption
from pixelwise.data.pasture.frames import paint_frame
from pixelwise.data.pasture.knobs import BACKGROUNDS, SPECIES, Knobs
from pixelwise.data.pasture.light import develop
from pixelwise.data.pasture.world import draw_world
from pixelwise.errors import InputError


@dataclass(frozen=True)
class Scene:
    """Two frames and all that is true of them; everything but `second` is about frame 1.

    Attributes:
        image: frame 1, RGB 0..255.
        second: frame 2, painted anew from the moved world.
        labels: 0 background, 1 cow, 2 camel, 3 sheep, 4 horse.
        instances: 0 background, 1..N the animals from back to front, in the order of `boxes`.
        boxes: tight around the part that is seen; x0 y0 x1 y1 in pixels, ends exclusive.
        classes: label of each animal, 1..4.
        flow: (dx, dy) in pixels from frame 1 to frame 2, of every pixel centre, whether or not it is seen in frame 2.
        occlusion: True where frame 2 does not show what is seen here: it left the picture or something nearer covers
            it.
        caption: one sentence.
        attributes: one value a name, to group and sort by.
        animals: one record for each animal, in the order of `boxes`.
    """

    image: UInt8[np.ndarray, "H W 3"]
    second: UInt8[np.ndarray, "H W 3"]
    labels: UInt8[np.ndarray, "H W"]
    instances: UInt16[np.ndarray, "H W"]
    boxes: Float32[np.ndarray, "N 4"]
    classes: Int64[np.ndarray, " N"]
    flow: Float32[np.ndarray, "H W 2"]
    occlusion: Bool[np.ndarray, "H W"]
    caption: str
    attributes: dict[str, str | int | float]
    animals: tuple[Sighting, ...]


def render(knobs: Knobs, seed: int, index: int = 0) -> Scene:
    """Scene number `index` of the world that knobs and seed describe.

    The result depends on nothing else: not on the scenes made before, the process or the time. On another processor
    single bytes may differ, as sine and exponential do in their last bit.

    Args:
        knobs: the settings; scenes whose knobs differ in one respect differ in that respect only, where the knobs
            allow.
        seed: any whole number from 0 on.
        index: any whole number from 0 on.

    Raises:
        InputError: seed or index is negative or no whole number.
    """
    check_draw("seed", seed)
    check_draw("index", index)
    sources = [np.random.Generator(np.random.PCG64(part)) for part in np.random.SeedSequence([seed, index]).spawn(4)]
    world = draw_world(knobs, sources[0], sources[1])
    wading = BACKGROUNDS[world.background] == "water"
    bodies = tuple(pose(animal, wading) for animal in world.animals)
    places = tuple(Place(body.pivot, (0.0, 0.0), 0.0) for body in bodies)
    moved = tuple(Place(body.pivot, body.animal.way, body.animal.turn) for body in bodies)
    light, noise = (world.light, world.warmth), float(knobs.noise)
    frame = paint_frame(knobs, world, bodies, places, (0.0, 0.0))
    image, order = develop(frame.canvas, light, noise, sources[2]), frame.order
    del frame  # a canvas of 4096 x 4096 takes 200 MB
    later = paint_frame(knobs, world, bodies, moved, world.pan)
    second, second_order = develop(later.canvas, light, noise, sources[3]), later.order
    del later
    numbers, boxes = truth.seen(order, bodies, places)
    flow = truth.flow_between(order, bodies, places, moved, world.pan)
    instances = truth.instance_map(order, numbers)
    animals = _sightings(bodies, numbers, instances)
    return Scene(
        image=image,
        second=second,
        labels=truth.label_map(order, bodies),
        instances=instances,
        boxes=boxes,
        classes=np.array([bodies[number].animal.species + 1 for number in numbers], dtype=np.int64),
        flow=flow,
        occlusion=truth.occlusion_between(order, second_order, flow),
        caption=caption(world, animals),
        attributes=attributes(world, animals, knobs.reference_pixels),
        animals=animals,
    )


def check_draw(name: str, number: int) -> None:
    """Refuses a seed or an index that is negative or no whole number.

    Raises:
        InputError: with the name and the value.
    """
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise InputError(f"a whole number from 0 on for {name}", repr(number), hint=f"{name}=0 is the usual start")


def _sightings(
    bodies: tuple[Body, ...], numbers: list[int], instances: UInt16[np.ndarray, "H W"]
) -> tuple[Sighting, ...]:
    """A record for each animal that is seen."""
    areas = np.bincount(instances.ravel(), minlength=len(numbers) + 1)[1:]
    return tuple(
        Sighting(
            species=SPECIES[bodies[number].animal.species],
            fur="dark" if bodies[number].animal.dark else "light",
            facing="right" if bodies[number].animal.facing > 0 else "left",
            length=round(bodies[number].animal.length, 2),
            area=int(area),
        )
        for number, area in zip(numbers, areas, strict=True)
    )
