"""A trained network as the start of another: a classifier in the encoder, or a coarser stage of the same model."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from pixelwise.backbones import Transfer, published_state, transfer
from pixelwise.backbones.published import PUBLISHED
from pixelwise.backbones.weight_files import read_state
from pixelwise.errors import InputError

CLASSIFIER_PLACES: tuple[Mapping[str, str], ...] = (
    {},  # the same model, a coarser stage of it, or a VGG, whose convolutions have the same names in a dense model
    {"classifier.0.": "head.conv6.", "classifier.3.": "head.conv7."},
    {"": "backbone."},
    {"": "encoder."},
)
"""Where the tensors of a file may belong, as beginnings of names in the file and in the network."""


def start_from(model: nn.Module, weights: str | Path) -> Transfer:
    """Fills a network with the trained weights that fit it, and says of every tensor what became of it.

    Names are matched as they are, or those of a classifier with the network's encoder, whichever fits more tensors.
    Fully-connected layers over flattened features become convolutions with the same numbers where the network has a
    convolution in their place (Long et al. 2015, section 3.1; what `pixelwise.dense.convolutionalize` does).

    Args:
        model: a dense model; its weights are overwritten where something fits.
        weights: a run folder; a file (.safetensors, or a .pth that holds tensors alone); an architecture ("resnet50")
            for its published weights; or the name of a published file ("resnet50-11ad3fa6").

    Raises:
        InputError: no such weights, or nothing in them fits.
    """
    state = _state(weights)
    renamings = [(places, _as_convolutions(model, state, places)) for places in CLASSIFIER_PLACES]
    places, fitting = max(renamings, key=lambda each: _fits(model, each[1], each[0]))
    return transfer(model, fitting, str(weights), places)


def is_published(weights: str) -> bool:
    """Whether a text names published weights, or a file of them."""
    stem = Path(weights).stem
    return stem in PUBLISHED or any(stem in files.values() for files in PUBLISHED.values())


def _state(weights: str | Path) -> dict[str, Tensor]:
    path = Path(weights)
    if path.is_dir():
        return read_state(path / "model.safetensors")
    if path.is_file() or path.suffix:
        return read_state(path)
    name = str(weights)
    if name in PUBLISHED:
        return published_state(name, next(iter(PUBLISHED[name])))
    for architecture, files in PUBLISHED.items():
        if name in files.values():
            return published_state(architecture, name)
    raise InputError(
        f"a run folder, a file of weights, or published weights ({', '.join(PUBLISHED)})",
        repr(name),
        "check the path or the name",
    )


def _renamed(name: str, places: Mapping[str, str]) -> str:
    prefix = max((each for each in places if name.startswith(each)), key=len, default=None)
    return name if prefix is None else places[prefix] + name.removeprefix(prefix)


def _as_convolutions(model: nn.Module, state: Mapping[str, Tensor], places: Mapping[str, str]) -> dict[str, Tensor]:
    """The state with fully-connected weights in the shape of the convolution that stands in their place."""
    wanted = model.state_dict()
    shaped = dict(state)
    for name, tensor in state.items():
        target = wanted.get(_renamed(name, places))
        fully_connected = target is not None and (tensor.ndim, target.ndim) == (2, 4) and len(tensor) == len(target)
        if target is not None and fully_connected and tensor.numel() == target.numel():
            shaped[name] = tensor.view(target.shape)
    return shaped


def _fits(model: nn.Module, state: Mapping[str, Tensor], places: Mapping[str, str]) -> int:
    wanted = model.state_dict()
    names = ((_renamed(name, places), tensor) for name, tensor in state.items())
    return sum(name in wanted and wanted[name].shape == tensor.shape for name, tensor in names)
