"""Weights into a network: all of them or an error that lists what does not fit, or what fits with a report."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pixelwise.errors import InputError

LISTED = 5
"""Entries named in a message; the rest are counted."""

COUNTERS = "num_batches_tracked"
"""Last part of the names of batch normalisation's step counters: older files lack them, frozen layers have none, and
with a fixed momentum nothing reads them."""


def load_weights_into(module: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Copies a state dict into a network; every entry must have its place, its shape and its kind of number.

    Nothing is loaded unless all of it fits. Step counters of batch normalisation may be absent on either side.

    Args:
        module: the network; its dtypes and devices stay.
        state: tensors by name.
        source: what the messages call the state dict, such as the file's name.

    Raises:
        InputError: entries are missing, extra or of another shape; the first five of each are listed. Where only the
            number of classes differs, the message says that.
    """
    wanted = {name: value for name, value in module.state_dict().items() if not name.endswith(COUNTERS)}
    given = {name: value for name, value in state.items() if not name.endswith(COUNTERS)}
    misshapen = [name for name in wanted if name in given and not _fits(wanted[name], given[name])]
    missing = [name for name in wanted if name not in given]
    extra = [name for name in given if name not in wanted]
    if misshapen and not missing and not extra:
        _name_classes(wanted, given, misshapen, source)
    if misshapen or missing or extra:
        differing = [_difference(name, wanted[name], given[name]) for name in misshapen[:LISTED]]
        raise InputError(
            f"weights for all {len(wanted)} entries of {type(module).__name__}",
            "; ".join(
                [
                    f"{source} with {len(given)} entries",
                    *_listed("missing", missing, missing),
                    *_listed("not in this network", extra, extra),
                    *_listed("of another shape", misshapen, differing),
                ]
            ),
            "build the network with the settings of the file, or load what fits with pixelwise.backbones.transfer",
        )
    _copy(module, state)


def _copy(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Copies entries of the same names and shapes."""
    own = module.state_dict()
    with torch.no_grad():
        for name, value in own.items():
            if name in state:
                value.copy_(state[name])


def _fits(wanted: Tensor, given: Tensor) -> bool:
    return wanted.shape == given.shape and wanted.is_floating_point() == given.is_floating_point()


def _difference(name: str, wanted: Tensor, given: Tensor) -> str:
    if wanted.shape == given.shape:
        return f"{name}: {wanted.dtype} wanted, {given.dtype} given"
    return f"{name}: shape {tuple(wanted.shape)} wanted, {tuple(given.shape)} given"


def _listed(what: str, names: list[str], texts: list[str]) -> list[str]:
    if not names:
        return []
    return [f"{len(names)} {what} ({', '.join(texts[:LISTED])}{', ...' if len(names) > LISTED else ''})"]


def _name_classes(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor], misshapen: list[str], source: str) -> None:
    """Raises where all that differs is the number of outputs of the last layers."""
    pairs = {(wanted[name].shape[:1], given[name].shape[:1]) for name in misshapen}
    same_otherwise = all(wanted[name].shape[1:] == given[name].shape[1:] for name in misshapen)
    if len(pairs) != 1 or not same_otherwise:
        return
    ((ours,), (theirs,)) = pairs.pop()
    layers = sorted({name.rpartition(".")[0] for name in misshapen})
    raise InputError(
        f"weights for {ours} classes",
        f"{source}, which has {theirs} ({', '.join(layers)})",
        f"build the network with num_classes={theirs}, or keep all but the last layer with "
        "pixelwise.backbones.transfer and train that one",
    )
