"""A run folder: what a trained model is and how it came to be, as JSON and safetensors. Reading one runs no code."""

import inspect
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import nn

from pixelwise.data.classes import ClassTable
from pixelwise.errors import InputError
from pixelwise.files import whole_file, write_text
from pixelwise.models.catalog import catalog
from pixelwise.models.normalise import Normalised

FORMAT = 1
"""Raised when a reader of the old form would misread the new one."""


@dataclass(frozen=True)
class RunRecord:
    """The content of run.json.

    `model_settings` are the keyword arguments of the catalog's builder; `settings` those of the training recipe;
    `class_pixels` the training set's pixels per class, from which the majority baseline follows; `finished` is false
    until the weights are written.
    """

    task: str
    model: str
    model_settings: dict[str, Any]
    classes: ClassTable
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    settings: dict[str, Any]
    data: dict[str, Any]
    class_pixels: tuple[int, ...]
    versions: dict[str, str] = field(default_factory=dict)
    finished: bool = False


def write_record(run: Path, record: RunRecord) -> None:
    """Writes run.json."""
    content = {"format": FORMAT, **asdict(record), "classes": json.loads(record.classes.to_json())}
    write_text(run / "run.json", json.dumps(content, indent=2) + "\n")


def read_record(run: Path) -> RunRecord:
    """The record of a run folder.

    Raises:
        InputError: no run folder, one of another format, or a damaged run.json.
    """
    path = run / "run.json"
    hint = "pass a folder made by `pixelwise train`"
    if not path.is_file():
        raise InputError("a run folder with run.json", f"none at {run}", hint)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = content.pop("format")
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise InputError(f"JSON with a format number in {path}", f"{type(error).__name__}: {error}", hint) from error
    if found != FORMAT:
        raise InputError(
            f"a run of format {FORMAT} in {path}",
            f"format {found!r}",
            "use the version of pixelwise named in it, or train again",
        )
    try:
        content["classes"] = ClassTable.from_json(json.dumps(content["classes"]))
        for name in ("mean", "std", "class_pixels"):
            content[name] = tuple(content[name])
        return RunRecord(**content)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f"the fields of a run in {path}", f"{type(error).__name__}: {error}", hint) from error


def build_model(record: RunRecord) -> Normalised:
    """The untrained network that a record describes, its input scaling included.

    Raises:
        InputError: the catalog has no such model, or the builder does not take those settings.
    """
    builder = catalog.get(record.model)
    if builder is None:
        raise InputError(f"a model of the catalog ({', '.join(catalog)})", repr(record.model), "check the name")
    accepted = [name for name in inspect.signature(builder).parameters if name != "num_classes"]
    unknown = sorted(set(record.model_settings) - set(accepted))
    if unknown:
        raise InputError(
            f"settings of {record.model} ({', '.join(accepted)})", ", ".join(unknown), "remove the unknown ones"
        )
    return Normalised(builder(len(record.classes.names), **record.model_settings), record.mean, record.std)


def write_weights(run: Path, model: nn.Module) -> None:
    """Writes model.safetensors."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    with whole_file(run / "model.safetensors") as temporary:
        safetensors.torch.save_file(tensors, temporary)


def load_weights(run: Path, model: nn.Module) -> None:
    """Fills the network with the weights of a run.

    Raises:
        InputError: the file is missing, damaged, or belongs to another network (the first few differences are listed).
    """
    path = run / "model.safetensors"
    if not path.is_file():
        raise InputError(
            f"the weights in {path}",
            "a run that has not finished training",
            "continue it with `pixelwise train ... --resume`",
        )
    try:
        tensors = safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise InputError(f"a safetensors file at {path}", str(error), "copy the run again, or train again") from error
    own = model.state_dict()
    wrong = [name for name in own.keys() | tensors.keys() if name not in own or name not in tensors]
    wrong += [name for name in own.keys() & tensors.keys() if own[name].shape != tensors[name].shape]
    if wrong:
        listed = ", ".join(sorted(wrong)[:5])
        raise InputError(
            f"the {len(own)} tensors of this network in {path}",
            f"{len(wrong)} that are missing, extra or of another shape: {listed}",
            "run.json and model.safetensors must come from one run",
        )
    model.load_state_dict(tensors)
