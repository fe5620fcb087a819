"""Weights into a network: every entry in its place, or an error that lists what does not fit."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from pixelwise.errors import InputError

LISTED = 5
"""Entries named in a message; the rest are counted."""

COUNTERS = "num_batches_tracked"
"""How the names of batch normalisation's step counters end: older files lack them, frozen layers have none, and with a
fixed momentum nothing reads them."""


def load_weights_into(module: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Copies a state dict into a network; every entry must have its place, its shape and finite numbers.

    Nothing is loaded unless all of it fits. Step counters of batch normalisation may be absent on either side.

    Args:
        module: the network; its dtypes and devices stay.
        state: tensors by name.
        source: what the messages call the state dict, such as the file's name.

    Raises:
        InputError: entries are missing, extra or do not fit; the first five of each are listed. Where only the number
            of classes differs, the message says that.
    """
    wanted, given = entries(module.state_dict()), entries(state)
    missing = [name for name in wanted if name not in given]
    extra = [name for name in given if name not in wanted]
    reasons = {name: misfit(wanted[name], given[name]) for name in wanted if name in given}
    misfits = {name: reason for name, reason in reasons.items() if reason}
    if misfits and not missing and not extra:
        _check_classes(wanted, given, list(misfits), source)
    if misfits or missing or extra:
        faults = [
            *_listed("missing", missing),
            *_listed("not in this network", extra),
            *_listed("that do not fit", [f"{name}: {reason}" for name, reason in misfits.items()]),
        ]
        raise InputError(
            f"weights for the {len(wanted)} entries of {type(module).__name__}",
            f"{source} with {len(given)}: {'; '.join(faults)}",
            "build the network with the settings of the file, or load what fits with pixelwise.backbones.transfer",
        )
    copy_entries(module, state)


def entries(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict without step counters, which decide nothing."""
    return {name: value for name, value in state.items() if not name.endswith(COUNTERS)}


def misfit(wanted: Tensor, given: Tensor) -> str:
    """Why a tensor cannot take another's numbers; empty if it can."""
    if wanted.shape != given.shape:
        return f"shape {tuple(wanted.shape)} wanted, {tuple(given.shape)} in the file"
    if wanted.is_floating_point() != given.is_floating_point():
        return f"{wanted.dtype} wanted, {given.dtype} in the file"
    if not bool(given.isfinite().all()):
        return "NaN or infinite in the file"
    return ""


def copy_entries(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Copies the entries that have a place of the same name and shape."""
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if name in state and state[name].shape == value.shape:
                value.copy_(state[name])


def _listed(what: str, names: Sequence[str]) -> list[str]:
    if not names:
        return []
    return [f"{len(names)} {what} ({', '.join(names[:LISTED])}{', ...' if len(names) > LISTED else ''})"]


def _check_classes(
    wanted: Mapping[str, Tensor], given: Mapping[str, Tensor], misfits: Sequence[str], source: str
) -> None:
    """Raises where all that differs is the number of outputs of the last layers.

    Any other setting also changes the inputs of some layer.
    """
    counts = {(wanted[name].shape[:1], given[name].shape[:1]) for name in misfits}
    if len(counts) != 1 or any(wanted[name].shape[1:] != given[name].shape[1:] for name in misfits):
        return
    ours, theirs = counts.pop()
    if not ours or not theirs or ours == theirs:
        return
    layers = dict.fromkeys(name.rpartition(".")[0] for name in misfits)
    raise InputError(
        f"weights for {ours[0]} classes",
        f"{source}, which has {theirs[0]} ({', '.join(layers)})",
        f"build the network with num_classes={theirs[0]}, or keep all but the last layer with "
        "pixelwise.backbones.transfer and train that one",
    )
