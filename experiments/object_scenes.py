"""Pasture scenes in memory with their objects: boxes, classes and masks, the same for the same knobs and seed."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pixelwise.data.detection.objects import Objects, objects_of
from pixelwise.data.pasture import Knobs, Scene, render
from pixelwise.ops.run_lengths import encode_mask


@dataclass(frozen=True)
class ObjectScenes:
    """Images (3, H, W), float 0..1, and the objects of each."""

    images: list[Tensor]
    truth: list[Objects]

    def __len__(self) -> int:
        return len(self.images)

    def take(self, numbers: list[int]) -> "ObjectScenes":
        """Some of them, in this order."""
        return ObjectScenes([self.images[number] for number in numbers], [self.truth[number] for number in numbers])


def draw_object_scenes(knobs: Knobs, count: int, seed: int) -> ObjectScenes:
    """So many scenes of the world that knobs and seed describe; use distant seeds for training and test."""
    drawn = [render(knobs, seed, index) for index in range(count)]
    images = [torch.from_numpy(scene.image.transpose(2, 0, 1).copy()).float() / 255 for scene in drawn]
    return ObjectScenes(images, [objects_in(scene) for scene in drawn])


def one_class(scenes: ObjectScenes) -> ObjectScenes:
    """The same scenes, in which every animal is of class 1."""
    return ObjectScenes(scenes.images, [replace(one, labels=torch.ones_like(one.labels)) for one in scenes.truth])


def objects_in(scene: Scene) -> Objects:
    """The animals of a scene."""
    masks = tuple(encode_mask(scene.instances == number) for number in range(1, len(scene.boxes) + 1))
    labels = torch.tensor(scene.classes, dtype=torch.int64)
    return objects_of(torch.from_numpy(scene.boxes), labels, scene.instances.shape, masks)
