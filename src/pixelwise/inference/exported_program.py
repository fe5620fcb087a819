"""Exported programs (.pt2) opened without running code from the file.

torch.export.load unpickles whatever the archive calls a pickle (first with weights_only=True, then without), evaluates
its symbolic sizes, turns its guards into Python functions and looks operators up by any dotted name (torch 2.13,
torch/export/pt2_archive/_package.py and torch/_export/serde/serialize.py). So everything in the archive is held against
a short list of what plain networks need before torch reads it; nothing else is accepted.
"""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pixelwise.errors import InputError

ENTRIES = re.compile(
    r"archive_format|archive_version|byteorder|version|\.data/\w+|models/model\.json|data/sample_inputs/model\.pt"
    r"|data/weights/(weight_\d+|model_weights_config\.json)|data/constants/(tensor_\d+|model_constants_config\.json)"
)
"""What torch.export.save writes for a network whose weights and constants are tensors."""

PROGRAM, SAMPLES = "models/model.json", "data/sample_inputs/model.pt"
CONFIGS = ("data/weights/model_weights_config.json", "data/constants/model_constants_config.json")

OPERATORS = re.compile(
    r"torch\.ops\.aten\.\w+\.\w+|torch\.sym_\w+|_operator\.(getitem|add|sub|mul|floordiv|truediv|mod|neg|[lg][te]|eq|ne)"
)
"""torch's own operations on tensors, and arithmetic on sizes."""

SIZES = re.compile(
    r"(Symbol\('[su]\d+'(, (positive|integer|nonnegative)=True)*\)|\b[su]\d+\b|\b\d+\b|[-+*/(), <>=]"
    r"|\b(Integer|Rational|Add|Mul|Pow|FloorDiv|CleanDiv|Mod|PythonMod|Max|Min)\b)*"
)
"""Symbolic sizes: symbols such as s77, whole numbers, arithmetic."""


class Program(nn.Module):
    """An exported program as a network; training and evaluation mode are as they were when it was exported."""

    def __init__(self, module: nn.Module) -> None:
        """Keeps the program's module.

        Args:
            module: from images to scores.
        """
        super().__init__()
        self.module = module

    def forward(self, images: Tensor) -> Tensor:
        """The scores."""
        scores: Tensor = self.module(images)
        return scores

    def train(self, mode: bool = True) -> "Program":
        """Only notes the mode: exported programs refuse to change."""
        self.training = mode
        return self


def open_program(path: Path) -> Program:
    """The network of an exported program.

    Raises:
        InputError: no such file, not made by torch.export.save, or one with anything in it that could run code.
    """
    from torch.export.pt2_archive import PT2ArchiveReader  # noqa: PLC0415  (loads half of the compiler)
    from torch.export.pt2_archive._package import load_pt2  # noqa: PLC0415  (as above; torch.export.load has fallbacks)

    if not path.is_file():
        raise InputError("an exported program (.pt2)", f"{path}, which does not exist", "check the path")
    content = path.read_bytes()
    try:
        reader = PT2ArchiveReader(io.BytesIO(content))
        fault = found_fault({name: reader.read_bytes(name) for name in reader.get_file_names()})
    except Exception as error:  # damaged archives fail in many ways
        raise _not_a_program(path, error) from error
    if fault:
        raise InputError(
            "an exported program of tensors and torch's own operations alone",
            f"{path} with {fault}, which could run code when it is read",
            "pass package.module:function instead, a function that builds the network and loads its weights",
        )
    try:
        return Program(load_pt2(io.BytesIO(content)).exported_programs["model"].module(check_guards=False))
    except Exception as error:  # as above
        raise _not_a_program(path, error) from error


def _not_a_program(path: Path, error: Exception) -> InputError:
    return InputError(
        f"an exported program in {path}",
        f"{type(error).__name__}: {str(error).partition(chr(10))[0][:200]}",
        "write it with torch.export.save(torch.export.export(model, (images,), dynamic_shapes=...), path)",
    )


def found_fault(entries: dict[str, bytes]) -> str:
    """What in an archive plain networks do not need; nothing where there is no such thing.

    Args:
        entries: the content of each file in the archive.
    """
    strange = [name for name in entries if not ENTRIES.fullmatch(name)]
    if strange:
        return f"the entry {strange[0]}"
    for name in CONFIGS:
        for payload in json.loads(entries[name])["config"].values():
            if payload["use_pickle"] is not False or not re.fullmatch(r"(weight|tensor)_\d+", payload["path_name"]):
                return f"the pickle {payload['path_name']} in {name}"
    try:
        torch.load(io.BytesIO(entries[SAMPLES]), weights_only=True)
    except Exception:  # whatever is no tuple of tensors
        return "sample inputs that are no plain tensors"
    if b"__enum__" in entries[PROGRAM]:
        return "an enumeration, for which a module would be imported"
    return _program_fault(json.loads(entries[PROGRAM]))


def _program_fault(program: dict[str, Any]) -> str:
    for key, value in _pairs(program):
        if key in ("target", "as_operator") and not OPERATORS.fullmatch(str(value)):
            return f"the operator {value}"
        if key == "expr_str" and not SIZES.fullmatch(str(value)):
            return f"the size {value}"
    unnamed = [name for name in program["range_constraints"] if not SIZES.fullmatch(name)]
    return f"the size {unnamed[0]}" if unnamed else ""


def _pairs(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key and value in nested JSON."""
    for each in value.values() if isinstance(value, dict) else value:
        if isinstance(each, dict | list):
            yield from _pairs(each)
    if isinstance(value, dict):
        yield from value.items()
