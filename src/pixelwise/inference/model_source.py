"""What MODEL means on the command line: a run folder, a catalog name, a function, or an exported program."""

import importlib
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pixelwise.errors import InputError
from pixelwise.inference.exported_program import open_program
from pixelwise.inference.run_folder import build_model, load_weights, read_record
from pixelwise.models.catalog import by_task

PICKLES = (".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".bin")
"""Endings under which torch and Python save pickles."""

FUNCTION = re.compile(r"([A-Za-z_][\w.]*):([A-Za-z_]\w*)")
"""package.module:function"""

MODELS = by_task["segmentation"]
"""Those that give a dense map of one image."""

CLASSES = 2
"""Of an untrained network from the catalog: the fewest that are a choice."""


def open_model(text: str) -> nn.Module:
    """The network that a text means, in evaluation mode.

    Args:
        text: a run folder; a name of the catalog, which gives an untrained network of two classes with the same weights
            each time; `package.module:function`, which is imported, also from the current folder, and called without
            arguments; or an exported program (.pt2). Only the function runs code of its own.

    Raises:
        InputError: none of these, or one that cannot be opened; pickles are refused, because reading one can run any
            code that its author chose.
    """
    path = Path(text)
    if path.suffix.lower() in PICKLES:
        raise InputError(
            "a model that can be read without running code from its file",
            f"{text}, a pickle, which can hold any code",
            "write a function that builds the network and loads its weights (from safetensors), and pass "
            "package.module:function",
        )
    if path.suffix.lower() == ".pt2":
        return open_program(path)
    if path.is_dir():
        return _run(path)
    if text in MODELS:
        return _untrained(text)
    found = FUNCTION.fullmatch(text)
    if found is not None:
        return _built(_function(found[1], found[2], text), text)
    raise InputError(
        f"a run folder, a name of the catalog ({', '.join(MODELS)}), package.module:function, or a .pt2 file",
        text,
        "check the spelling; a run folder is made by `pixelwise train`",
    )


def _run(folder: Path) -> nn.Module:
    """The trained network of a run folder, its input scaling included."""
    model = build_model(read_record(folder), "meta")
    load_weights(folder, model.model)
    return model.eval()


def _untrained(name: str) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return MODELS[name](CLASSES).eval()


def _function(module_name: str, name: str, text: str) -> Callable[[], Any]:
    """A function by its place, looked for in the current folder too."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)  # `pixelwise` is started from its own folder; `python -m` would do the same
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # a module can fail in any way while it is imported
        raise InputError(
            f"a module that can be imported for {text}",
            f"{type(error).__name__}: {error}{_place(error)}",
            f"run `python -c 'import {module_name}'` in {here} to see where it fails",
        ) from error
    function = getattr(module, name, None)
    if not callable(function):
        offered = [each for each, value in vars(module).items() if callable(value) and not each.startswith("_")]
        raise InputError(
            f"a function {name} in {module_name}",
            "none" if function is None else f"a {type(function).__name__}",
            f"it offers {', '.join(offered[:10]) or 'no functions'}",
        )
    called: Callable[[], Any] = function
    return called


def _built(function: Callable[[], Any], text: str) -> nn.Module:
    try:
        model = function()
    except InputError:
        raise
    except Exception as error:  # a function can fail in any way
        raise InputError(
            f"a network from {text}, called without arguments",
            f"{type(error).__name__}: {error}{_place(error)}",
            "wrap the call in a function that needs no arguments",
        ) from error
    if not isinstance(model, nn.Module):
        raise InputError(
            f"a torch.nn.Module from {text}", f"a {type(model).__name__}", "return the network itself, not its weights"
        )
    return model.eval()


def _place(error: Exception) -> str:
    """Where an error was raised, such as " in nets.py:12"; nothing where importing itself failed."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<")]
    last = frames[-1]
    inside = Path(last.filename) == Path(__file__) or Path(last.filename) == Path(importlib.__file__)
    return "" if inside else f" in {last.filename}:{last.lineno}"
