"""Images with their objects, read from a folder as they are needed, and random draws of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch.utils.data import Dataset

from pixelwise.data.detection.augment import augment_objects
from pixelwise.data.detection.items import DetectionItem
from pixelwise.data.detection.objects import Objects
from pixelwise.data.detection.repair import sound_objects
from pixelwise.data.images import read_image
from pixelwise.data.transforms import Augmentation
from pixelwise.data.transforms.geometry import Point
from pixelwise.errors import InputError
from pixelwise.shapes import Image
from pixelwise.training.draws import Key, generator_for
from pixelwise.training.kept import Kept, stamp_of
from pixelwise.training.segmentation.crops import KEPT_BYTES, Channels


class Scene(NamedTuple):
    """One image with its objects, in its pixels."""

    image: Image
    objects: Objects
    name: str


class SceneBatch(NamedTuple):
    """Several, each of its own size."""

    images: list[Image]
    objects: list[Objects]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Scenes(Dataset[Scene]):
    """Whole images and their objects, repaired, in the folder's order; decoded images are kept while they fit.

    They are shared: callers change nothing in them. With `masks`, objects of an image without any masks are refused.
    """

    items: Sequence[DetectionItem]
    masks: bool
    kept_bytes: int = KEPT_BYTES

    @cached_property
    def _kept(self) -> Kept[Scene]:
        return Kept(self.kept_bytes)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Scene:
        item = self.items[index]
        stamp = stamp_of((item.image,))
        scene = self._kept.get(index, stamp)
        if scene is None:
            scene = Scene(read_image(item.image), self.objects(index), item.name)
            _check_size(scene, item)
            self._kept.put(index, stamp, scene, scene.image.nbytes)
        return scene

    def objects(self, index: int) -> Objects:
        """The objects of one image alone, which are read faster than the image.

        Raises:
            InputError: they cannot be read, or have no masks where masks are wanted.
        """
        item = self.items[index]
        objects, _ = sound_objects(item)
        if self.masks and objects.masks is None and len(objects):
            raise InputError(
                "objects with masks for a Mask R-CNN",
                f"{item.where}: boxes alone",
                "--model faster_rcnn_resnet18_fpn learns from boxes",
            )
        return objects


@dataclass(frozen=True, eq=False)
class ObjectPlaces:
    """Where the objects of each class are: image and middle of the box."""

    by_class: tuple[tuple[tuple[int, Point], ...], ...]

    def draw(self, generator: torch.Generator) -> tuple[int, Point]:
        """The image and place of an object: first a class is drawn among those that there are, then an object of it."""
        places = self.by_class[_below(len(self.by_class), generator)]
        return places[_below(len(places), generator)]


def object_places(objects: Sequence[Objects]) -> ObjectPlaces:
    """The places of the objects of all images; crowds and difficult ones are left out.

    Raises:
        InputError: there is no object.
    """
    found: dict[int, list[tuple[int, Point]]] = {}
    for image, one in enumerate(objects):
        counted = one.take(~(one.crowd | one.difficult))
        middles = ((counted.boxes[:, :2] + counted.boxes[:, 2:]) / 2).tolist()
        for label, (x, y) in zip(counted.labels.tolist(), middles, strict=True):
            found.setdefault(label, []).append((image, (x, y)))
    if not found:
        raise InputError("objects to sample from in the training images", "none", "--sampling uniform needs none")
    return ObjectPlaces(tuple(tuple(found[label]) for label in sorted(found)))


@dataclass(frozen=True)
class DrawnScenes(Dataset[Scene | InputError]):
    """Augmented images with their objects.

    Draw i of an epoch comes from image i modulo the number of images. With `places` it shows an object drawn evenly by
    class instead, in the middle of the crop where there is one. A file that cannot be read gives its error, because
    torch cannot raise an error of three parts across processes.
    """

    scenes: Scenes
    augmentation: Augmentation
    draws_per_image: int
    seed: int
    fill: Channels
    places: ObjectPlaces | None = None

    def __len__(self) -> int:
        return len(self.scenes) * self.draws_per_image

    def __getitem__(self, key: Key) -> Scene | InputError:
        epoch, index = key
        # 1 keeps these draws apart from the order's, which use (seed, epoch).
        generator = generator_for(self.seed, epoch, index, 1)
        try:
            number, around = self.places.draw(generator) if self.places else (index % len(self.scenes), None)
            whole = self.scenes[number]
            point = around if self.augmentation.crop is not None else None
            image, objects = augment_objects(whole.image, whole.objects, self.augmentation, generator, point, self.fill)
        except InputError as error:
            return error
        return Scene(image, objects, whole.name)


def collate_scenes(drawn: Sequence[Scene | InputError]) -> SceneBatch | InputError:
    """One batch, or the first error."""
    scenes = []
    for one in drawn:
        if isinstance(one, InputError):
            return one
        scenes.append(one)
    return SceneBatch([one.image for one in scenes], [one.objects for one in scenes], tuple(one.name for one in scenes))


def _check_size(scene: Scene, item: DetectionItem) -> None:
    size = scene.image.shape[1], scene.image.shape[2]
    if size != tuple(scene.objects.size):
        height, width = scene.objects.size
        raise InputError(
            f"an image of {height}x{width}, as {item.where} says",
            f"{size[0]}x{size[1]} in {item.image}",
            "run `pixelwise data check` on the folder",
        )


def _below(end: int, generator: torch.Generator) -> int:
    return int(torch.randint(end, (), generator=generator))
