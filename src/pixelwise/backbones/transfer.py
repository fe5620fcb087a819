"""A trained network's weights in another network, as far as they fit, with a report layer by layer."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, NamedTuple

from torch import Tensor, nn

from pixelwise.backbones.loading import copy_entries, entries, misfit
from pixelwise.errors import InputError

Status = Literal["loaded", "left", "unused"]


class Row(NamedTuple):
    """One tensor: `loaded`, `left` as the network had it, or `unused`, in the file only; and why, if not loaded."""

    name: str
    status: Status
    reason: str


@dataclass(frozen=True)
class Transfer:
    """What a transfer did with each tensor: the network's in its order, then those that only the file has.

    `str` of it is a table with a line for each run of layers that fared the same.
    """

    source: str
    rows: tuple[Row, ...]

    @property
    def loaded(self) -> tuple[str, ...]:
        """Names of the network's tensors that come from the file."""
        return self._with("loaded")

    @property
    def left(self) -> tuple[str, ...]:
        """Names of the network's tensors that stayed as they were."""
        return self._with("left")

    @property
    def unused(self) -> tuple[str, ...]:
        """Names of the file's tensors that have no place in the network."""
        return self._with("unused")

    def _with(self, status: Status) -> tuple[str, ...]:
        return tuple(row.name for row in self.rows if row.status == status)

    def __str__(self) -> str:
        """The table; layers are named without "weight" and "bias"."""
        lines = [f"{self.source}: {len(self.loaded)} loaded, {len(self.left)} left, {len(self.unused)} unused"]
        for (status, reason), run in groupby(_layers(self.rows), key=lambda layer: (layer.status, layer.reason)):
            layers = list(run)
            span = layers[0].name if len(layers) == 1 else f"{layers[0].name} to {layers[-1].name}"
            tensors = sum(layer.tensors for layer in layers)
            count = f"{tensors} tensor{'' if tensors == 1 else 's'}"
            lines.append(f"{status:<6}  {span} ({count}){': ' if reason else ''}{reason}")
        return "\n".join(lines)


class _Layer(NamedTuple):
    """Tensors of one layer that fared the same."""

    name: str
    status: Status
    reason: str
    tensors: int


def _layers(rows: tuple[Row, ...]) -> list[_Layer]:
    layers = []
    for (name, status), group in groupby(rows, key=lambda row: (row.name.rpartition(".")[0] or row.name, row.status)):
        reasons = [row.reason for row in group]
        layers.append(_Layer(name, status, "; ".join(dict.fromkeys(reasons)), len(reasons)))
    return layers


def transfer(
    module: nn.Module, state: Mapping[str, Tensor], source: str, prefixes: Mapping[str, str] | None = None
) -> Transfer:
    """Copies every tensor that has a place of its name and shape, and reports on all of them.

    Step counters of batch normalisation are copied where both have them, and not reported.

    Args:
        module: the network; its dtypes and devices stay.
        state: tensors by name.
        source: what the report calls the state dict, such as the file's name.
        prefixes: beginnings of names in the file and what stands for them in the network: {"": "encoder."} puts a
            classifier into an encoder, {"module.": ""} takes a prefix away. Of several that fit, the longest holds;
            names that none fits stay.

    Raises:
        InputError: nothing fits, or two tensors of the file get the same name.
    """
    renamed = _renamed(state, prefixes or {})
    wanted, given = entries(module.state_dict()), entries(renamed)
    rows = [_row(name, wanted[name], given.get(name)) for name in wanted]
    rows += [Row(name, "unused", "not in this network") for name in given if name not in wanted]
    report = Transfer(source, tuple(rows))
    if not report.loaded:
        raise InputError(
            f"weights of which some fit {type(module).__name__}, with names such as {', '.join(list(wanted)[:3])}",
            f"{source} with {', '.join(list(given)[:3]) or 'no tensors'}",
            'map the beginnings of its names to the network\'s, such as prefixes={"": "encoder."}, or pass weights of '
            "the same architecture and width",
        )
    left = set(report.left)
    copy_entries(module, {name: value for name, value in renamed.items() if name not in left})
    return report


def _row(name: str, wanted: Tensor, given: Tensor | None) -> Row:
    reason = "missing in the file" if given is None else misfit(wanted, given)
    return Row(name, "left" if reason else "loaded", reason)


def _renamed(state: Mapping[str, Tensor], prefixes: Mapping[str, str]) -> dict[str, Tensor]:
    renamed: dict[str, Tensor] = {}
    for name, value in state.items():
        fitting = [prefix for prefix in prefixes if name.startswith(prefix)]
        longest = max(fitting, key=len, default="")
        other = prefixes.get(longest, "") + name.removeprefix(longest)
        if other in renamed:
            raise InputError(
                "a different name for each tensor of the file",
                f"two that become {other}",
                "map their prefixes to different ones",
            )
        renamed[other] = value
    return renamed
