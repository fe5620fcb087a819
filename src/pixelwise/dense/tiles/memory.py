"""How much memory a network's forward pass takes for a given image size, found without computing a pixel."""

import copy
import itertools
import warnings
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from pixelwise.dense.placement import placement
from pixelwise.errors import InputError
from pixelwise.shapes import Size

UNITS = {"KB": 1e3, "MB": 1e6, "GB": 1e9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "B": 1}


def parse_bytes(text: str | int) -> int:
    """A number of bytes from a size such as "1GB", "512 MiB" or a plain integer.

    >>> parse_bytes("1.5 GB"), parse_bytes("2MiB"), parse_bytes(64)
    (1500000000, 2097152, 64)

    Raises:
        InputError: not a positive size.
    """
    digits = str(text).strip().upper()
    unit = next((name for name in UNITS if digits.endswith(name)), "")
    try:
        size = float(digits.removesuffix(unit)) * UNITS.get(unit, 1)
    except ValueError:
        size = -1.0
    if not 1 <= size < 2**63:  # also refuses nan
        raise InputError("a memory size such as 512MB or 2GiB", repr(text), 'pass memory="1GB"')
    return int(size)


class _LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it unannotated
    """Follows the storages alive during a run and keeps their largest sum."""

    def __init__(self, weights: Iterable[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live = 0
        self.peak = 0
        # Views of weights share their storage, and weights are no activations.
        self._known = {weight.untyped_storage()._cdata for weight in weights}

    def __torch_dispatch__(
        self, operation: Callable[..., Any], types: Sequence[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        result = operation(*args, **(kwargs or {}))
        for each in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(each, Tensor):
                self._follow(each.untyped_storage())
        return result

    def _follow(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata  # the one identity that views of a storage share
        if key in self._known:
            return
        size = storage.nbytes()
        self._known.add(key)
        self.live += size
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._release, key, size)

    def _release(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.live -= size


class ActivationMemory:
    """Predicts the peak of a network's activations in bytes; scratch space inside single operations comes on top."""

    def __init__(self, model: nn.Module, channels: int = 3) -> None:
        with warnings.catch_warnings():
            # Copies of exported programs make torch warn about its own code (2.13).
            warnings.filterwarnings("ignore", ".*LeafSpec", FutureWarning)
            self._model = copy.deepcopy(model).to("meta").eval()
        self._channels = channels
        self._number_type = placement(model)[1]

    def scores(self, size: Size) -> Tensor:
        """The scores of one image of this size, without values: their shape and their type."""
        image = torch.empty(1, self._channels, *size, device="meta", dtype=self._number_type)
        with torch.inference_mode():
            scores: Tensor = self._model(image)
        return scores

    def peak(self, size: Size) -> int:
        """The largest sum of tensors alive at once, image and scores included, for one image of this size.

        Numbers are of the type of the network's weights. The size must be one that the network accepts.
        """
        image = torch.empty(1, self._channels, *size, device="meta", dtype=self._number_type)
        weights = itertools.chain(self._model.parameters(), self._model.buffers())
        with torch.inference_mode(), _LiveBytes(weights) as followed:
            self._model(image)
        return int(followed.peak + image.numel() * image.element_size())
