"""Training crops and whole validation pairs, read from a folder as they are needed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.utils.data import Dataset

from pixelwise.data.flow import FlowAugmentation, FlowItem, FlowPair, augment_pair, read_pair
from pixelwise.errors import InputError
from pixelwise.shapes import Flow, Image, Images, Mask
from pixelwise.training.draws import Key, generator_for


class PairBatch(NamedTuple):
    """Crops of pairs side by side, with the names of the pairs."""

    first: Images
    second: Images
    flow: Float[Tensor, "B 2 H W"]
    valid: Bool[Tensor, "B H W"]
    names: tuple[str, ...]


class NamedPair(NamedTuple):
    """A pair and what to call it; a tuple, because the loop moves tuples of tensors to a device."""

    first: Image
    second: Image
    flow: Flow
    valid: Mask
    occluded: Mask | None
    name: str


@dataclass(frozen=True)
class WholePairs(Dataset[NamedPair]):
    """Pairs with their truth, uncut, in the folder's order."""

    items: Sequence[FlowItem]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> NamedPair:
        pair = read_pair(self.items[index])
        return NamedPair(pair.image, pair.second, pair.flow, pair.valid, pair.occluded, self.items[index].name)


@dataclass(frozen=True)
class PairCrops(Dataset[NamedPair | InputError]):
    """Augmented crops of pairs; those of an epoch differ from those of the next, and repeat with the seed.

    A file that cannot be read gives its error as the crop, because torch cannot raise an error of three parts across
    processes.
    """

    pairs: WholePairs
    augmentation: FlowAugmentation
    seed: int

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, key: Key) -> NamedPair | InputError:
        epoch, index = key
        try:
            whole = self.pairs[index]
        except InputError as error:
            return error
        # The loss asks for no occlusion, so it is not moved along. 1 keeps these draws apart from the order's, which
        # use (seed, epoch).
        pair = FlowPair(whole.first, whole.second, whole.flow, whole.valid)
        moved = augment_pair(pair, self.augmentation, generator_for(self.seed, epoch, index, 1))
        return NamedPair(moved.image, moved.second, moved.flow, moved.valid, None, whole.name)


def collate_pairs(crops: Sequence[NamedPair | InputError]) -> PairBatch | InputError:
    """One batch, its images channels-last, the layout in which convolutions run fastest; or the first error."""
    good = []
    for crop in crops:
        if isinstance(crop, InputError):
            return crop
        good.append(crop)
    first, second = (
        torch.stack(images).contiguous(memory_format=torch.channels_last)
        for images in ([crop.first for crop in good], [crop.second for crop in good])
    )
    flow, valid = torch.stack([crop.flow for crop in good]), torch.stack([crop.valid for crop in good])
    return PairBatch(first, second, flow, valid, tuple(crop.name for crop in good))
