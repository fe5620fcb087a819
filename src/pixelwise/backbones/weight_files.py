"""State dicts from files, read without running any code from them."""

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from pixelwise.errors import InputError


def read_state(path: Path, entry: str = "") -> dict[str, Tensor]:
    """The tensors of a weight file by name, on the CPU.

    Args:
        path: .safetensors, or a .pth, .pt or .pth.tar (no archive, only named so) that holds one state dict. The
            latter are pickles; they are read with torch's restricted reader (`weights_only=True`), which builds
            tensors and plain containers and refuses everything else.
        entry: the name under which a pickled checkpoint may keep its state dict, beside other things.

    Raises:
        InputError: the file is missing, damaged, of another kind, or asks for code to be run.
    """
    if not path.is_file():
        raise InputError("a file of weights", f"no file {path}", "check the path")
    ending = path.suffix.lower()
    if ending == ".safetensors":
        return _read_safetensors(path)
    if ending in (".pth", ".pt") or path.name.lower().endswith(".pth.tar"):
        return _read_pickle(path, entry)
    raise InputError(
        "a file of weights that ends in .safetensors, .pth or .pt",
        str(path),
        "save it with safetensors.torch.save_file(network.state_dict(), ...)",
    )


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise InputError("a whole safetensors file", f"{path} ({error})", "copy or download it again") from error


def _read_pickle(path: Path, entry: str) -> dict[str, Tensor]:
    try:
        with warnings.catch_warnings():
            # torch warns of pickles that it did not write, before it refuses or reads them.
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # torch's own text is not passed on: it explains how to run the code all the same.
        raise InputError(
            "a file of weights that can be read without running code from it",
            f"{path}, which holds more than tensors, or is damaged",
            "load it where you trust it, and save its state dict with safetensors.torch.save_file",
        ) from error
    # What damaged files raise is not documented: the zip reader gives RuntimeError, the pickle reader nearly anything.
    except Exception as error:
        raise InputError("a whole .pth file", f"{path} ({type(error).__name__})", "download it again") from error
    if isinstance(content, Mapping) and entry in content:
        content = content[entry]
    if not isinstance(content, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items()
    ):
        raise InputError(
            "a state dict: tensors by name",
            f"{path}, which holds {_described(content)}",
            'save only the weights in a file, such as torch.load(path, weights_only=True)["model"]',
        )
    return dict(content)


def _described(content: object) -> str:
    if not isinstance(content, Mapping):
        return f"a {type(content).__name__}"
    if not all(isinstance(name, str) for name in content):
        return "names that are no text"
    others = [name for name, value in content.items() if not isinstance(value, Tensor)]
    return f"other things under {', '.join(others[:5])}{' ...' if len(others) > 5 else ''}"
