"""Published weights by name: the file in torch.hub's cache, downloaded where it is missing, its hash checked."""

import hashlib
from http.client import HTTPException
from pathlib import Path

import torch
from torch import Tensor

from pixelwise.backbones.weight_files import read_state
from pixelwise.errors import InputError

SOURCE = "https://download.pytorch.org/models"
"""Where torchvision's weights are published. The part of a file's name behind the hyphen starts its SHA-256."""

PUBLISHED: dict[str, dict[str, str]] = {
    "vgg11": {"imagenet": "vgg11-8a719046"},
    "vgg13": {"imagenet": "vgg13-19584684"},
    "vgg16": {"imagenet": "vgg16-397923af"},
    "vgg19": {"imagenet": "vgg19-dcbb9e9d"},
    "vgg11_bn": {"imagenet": "vgg11_bn-6002323d"},
    "vgg13_bn": {"imagenet": "vgg13_bn-abd245e5"},
    "vgg16_bn": {"imagenet": "vgg16_bn-6c64b313"},
    "vgg19_bn": {"imagenet": "vgg19_bn-c79401a0"},
    "resnet18": {"imagenet": "resnet18-f37072fd"},
    "resnet34": {"imagenet": "resnet34-b627a593"},
    "resnet50": {"imagenet": "resnet50-0676ba61", "imagenet-v2": "resnet50-11ad3fa6"},
    "resnet101": {"imagenet": "resnet101-63fe2227", "imagenet-v2": "resnet101-cd907fc2"},
    "fcn_resnet50": {"coco": "fcn_resnet50_coco-1167a1af"},
}
"""Architecture -> short name -> file stem, as torchvision 0.28 lists them (vgg.py, resnet.py, segmentation/fcn.py)."""

ENDINGS = (".safetensors", ".pth", ".pt")
"""What marks a text as a file and not a published name."""

BLOCK = 1 << 20
"""Bytes hashed at a time; a VGG-16 is half a gigabyte."""


def published_state(architecture: str, weights: str | Path) -> dict[str, Tensor]:
    """The state dict, on the CPU, that `weights` means for an architecture.

    Args:
        architecture: such as "vgg16"; it decides which published names exist.
        weights: a file (.safetensors, .pth or .pt, see `read_state`), or a published name: a short one such as
            "imagenet", or a file stem such as "resnet50-0676ba61".

    Raises:
        InputError: the name is unknown, the file cannot be had, its hash is wrong, or it holds no state dict.
    """
    if isinstance(weights, Path) or Path(weights).suffix.lower() in ENDINGS:
        return read_state(Path(weights))
    names = PUBLISHED.get(architecture, {})
    stem = names.get(weights, weights)
    if stem not in names.values():
        known = ", ".join(f'"{name}" ({stem})' for name, stem in names.items()) or "no published names"
        raise InputError(
            f"weights of {architecture}: a file ({', '.join(ENDINGS)}) or one of {known}",
            f'"{weights}"',
            "pass one of these names, or a pathlib.Path to a file of any other name",
        )
    return read_state(published_file(stem))


def published_file(stem: str) -> Path:
    """The file of a published name in torch.hub's cache, downloaded if it is not there; its hash is checked.

    Raises:
        InputError: it is neither there nor can be downloaded (the message says which file belongs where), or its
            SHA-256 does not start as its name says.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / f"{stem}.pth"
    if not path.exists():
        _download(f"{SOURCE}/{stem}.pth", path)
    wanted, got = stem.rpartition("-")[2], _sha256(path)
    if not got.startswith(wanted):
        raise InputError(
            f"a file whose SHA-256 starts with {wanted}",
            f"{path} with {got[: len(wanted)]}",
            f"delete it and download {SOURCE}/{stem}.pth again: it is damaged, or not the published file",
        )
    return path


def _download(url: str, path: Path) -> None:
    """Downloads to a temporary file, checks the hash and only then gives it its name; torch.hub does all three."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), hash_prefix=path.stem.rpartition("-")[2])
    # torch.hub raises RuntimeError for a wrong hash; no network, no room and no rights are all OSError.
    except (OSError, HTTPException, RuntimeError) as error:
        raise InputError(
            f"the published weights {path.name}",
            f"no file {path}, and no download of {url} ({type(error).__name__}: {error})",
            f"on a machine with a network download {url}, and put it into {path.parent}",
        ) from error


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
