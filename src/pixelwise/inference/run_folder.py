"""A run folder: what a trained model is and how it came to be, as JSON and safetensors. Reading one runs no code."""

import inspect
import json
import math
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from pixelwise.data.classes import ClassTable
from pixelwise.errors import InputError
from pixelwise.files import write_bytes, write_text
from pixelwise.inference.run_record import RunRecord
from pixelwise.inference.run_tasks import RUN_TASKS
from pixelwise.models.catalog import by_task
from pixelwise.models.normalise import Normalised

FORMAT = 1
"""Raised when a reader of the old form would misread the new one."""

OF_SOME_TASKS: dict[str, Any] = {"classes": None, "class_pixels": [], "facts": {}}
"""Fields that only some tasks have, and what stands for them elsewhere."""

NOT_SETTINGS = ("num_classes", "weights", "encoder_weights")
"""Arguments of the catalog's builders that are no settings: a run has its own classes and its own weights."""

LARGEST_SETTING = 4096
"""The widest layers of published segmenters (FCN's, Long et al. 2015); a depth of millions would only hang."""


def write_record(run: Path, record: RunRecord) -> None:
    """Writes run.json."""
    content = {"format": FORMAT, **asdict(record)}
    content["classes"] = None if record.classes is None else json.loads(record.classes.to_json())
    written = {name: value for name, value in content.items() if value or name not in OF_SOME_TASKS}
    write_text(run / "run.json", json.dumps(written, indent=2) + "\n")


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
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise InputError(f"JSON with a format number in {path}", f"{type(error).__name__}: {error}", hint) from error
    if found != FORMAT:
        raise InputError(
            f"a run of format {FORMAT} in {path}",
            f"format {found!r}",
            "use the version of pixelwise named in it, or train again",
        )
    try:
        content = OF_SOME_TASKS | content
        if content["classes"] is not None:
            content["classes"] = ClassTable.from_json(json.dumps(content["classes"]))
        fault = _fault(content)
        if fault:
            raise InputError(f"the fields of a run in {path}", fault, hint)
        for name in ("mean", "std"):
            content[name] = tuple(float(each) for each in content[name])
        return RunRecord(**content | {"class_pixels": tuple(content["class_pixels"])})
    except (KeyError, TypeError) as error:
        raise InputError(f"the fields of a run in {path}", f"{type(error).__name__}: {error}", hint) from error


def _fault(content: dict[str, Any]) -> str:
    """What no run could have written, or nothing."""
    kinds = {"task": str, "model": str, "finished": bool}
    kinds |= dict.fromkeys(("model_settings", "settings", "data", "versions", "facts"), dict)
    kinds |= dict.fromkeys(("mean", "std", "class_pixels"), list)
    for name, kind in kinds.items():
        if not isinstance(content[name], kind):
            return f"{name} {content[name]!r}"
    for name in ("mean", "std"):
        numbers = content[name]
        finite = all(isinstance(each, float | int) and math.isfinite(each) for each in numbers)
        if len(numbers) != 3 or not finite or (name == "std" and min(numbers) <= 0):
            return f"{name} {numbers}"
    task = RUN_TASKS.get(content["task"])
    return f"the task {content['task']!r}" if task is None else task.fault(content)


def build_model(record: RunRecord, device: str = "cpu") -> Normalised:
    """The untrained segmenter that a record describes, its input scaling included; else as `build_network`.

    Raises:
        InputError: as `build_network`, or a record of another task.
    """
    if record.task != "segmentation":
        raise InputError("a run of segmentation", f"one of {record.task}", "choose another run")
    return Normalised(build_network(record, device), record.mean, record.std)


def build_network(record: RunRecord, device: str = "cpu") -> nn.Module:
    """The untrained network that a record describes, without the scaling of its input.

    Args:
        record: what run.json says.
        device: "meta" makes a network without numbers, which costs nothing, to be filled by `load_weights`.

    Raises:
        InputError: the catalog has no such model, or the builder does not take those settings.
    """
    names = by_task[record.task]
    builder = names.get(record.model)
    if builder is None:
        raise InputError(f"a model of the catalog ({', '.join(names)})", repr(record.model), "check the name")
    accepted = [name for name in inspect.signature(builder).parameters if name not in NOT_SETTINGS]
    unknown = sorted(set(record.model_settings) - set(accepted))
    if unknown:
        raise InputError(
            f"settings of {record.model} ({', '.join(accepted)})", ", ".join(unknown), "remove the unknown ones"
        )
    large = {name: value for name, value in record.model_settings.items() if _is_large(value)}
    if large:
        raise InputError(f"settings of {record.model} up to {LARGEST_SETTING}", str(large), "use smaller numbers")
    given = RUN_TASKS[record.task].arguments(record)
    try:
        # First without numbers, which finds absurd sizes before they fill the memory.
        with torch.device("meta"):
            model = builder(*given, **record.model_settings)
        if device != "meta":
            _check_fits(model, record)
            with torch.device(device):
                model = builder(*given, **record.model_settings)
    except InputError:
        raise
    except (RuntimeError, ValueError, TypeError, OverflowError, MemoryError) as error:
        raise InputError(
            f"settings with which {record.model} can be built",
            f"{record.model_settings}: {str(error).splitlines()[0][:200]}",
            "use smaller, whole numbers",
        ) from error
    return model


def _check_fits(model: nn.Module, record: RunRecord) -> None:
    """Refuses what the system would answer by ending the process without a word."""
    # Whoever wants numbers will train, and then there is a gradient for every weight.
    needed = 2 * sum(weight.numel() * weight.element_size() for weight in model.parameters())
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > there:
        raise InputError(
            f"a network whose weights and gradients fit the {there / 1e9:.0f} GB of this machine",
            f"{record.model} with {record.model_settings}, which takes {needed / 1e9:.0f} GB",
            "use smaller numbers",
        )


def _is_large(value: object) -> bool:
    if isinstance(value, list | tuple):
        return any(_is_large(each) for each in value)
    return isinstance(value, int | float) and not abs(value) <= LARGEST_SETTING


def write_weights(run: Path, model: nn.Module) -> None:
    """Writes model.safetensors."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    # By way of memory: the library's own writer turns a full disk into an error of its own kind.
    write_bytes(run / "model.safetensors", safetensors.torch.save(tensors))


def load_weights(run: Path, model: nn.Module) -> None:
    """Fills the network with the weights of a run; one on the device "meta" gets them as they are.

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
    check_weights(tensors, model, path)
    model.load_state_dict(tensors, assign=True)


def check_weights(tensors: dict[str, Tensor], model: nn.Module, source: Path) -> None:
    """Makes sure that tensors are a network's own.

    Raises:
        InputError: some are missing, extra, or of another shape or type; the first few are listed.
    """
    own = model.state_dict()
    wrong = [name for name in own.keys() | tensors.keys() if name not in own or name not in tensors]
    wrong += [
        name
        for name in own.keys() & tensors.keys()
        if own[name].shape != tensors[name].shape or own[name].dtype != tensors[name].dtype
    ]
    if wrong:
        listed = ", ".join(sorted(wrong)[:5])
        raise InputError(
            f"the {len(own)} tensors of this network in {source}",
            f"{len(wrong)} that are missing, extra, or of another shape or type: {listed}",
            "run.json and the weights must come from one run",
        )
