"""Scores of a network's side outputs, for deep supervision."""

from collections.abc import Callable

from torch import Tensor, nn

from pixelwise.errors import InputError
from pixelwise.models.normalise import Normalised
from pixelwise.shapes import Images, Scores

HINT = "choose one that has, such as --model fcn_resnet50 --set auxiliary=true, or leave --deep-supervision away"


def side_scores(model: Normalised, images: Images) -> tuple[Scores, ...]:
    """The network's main scores and those of its side outputs, as its own `side_scores` gives them.

    Raises:
        InputError: the network has none, or has no side output with its settings.
    """
    scores = check_side_scores(model.model)((images - model.mean) / model.std)
    if len(scores) < 2:
        raise InputError("a network with side outputs for deep supervision", "its main output alone", HINT)
    return scores


def check_side_scores(model: nn.Module) -> Callable[[Tensor], tuple[Tensor, ...]]:
    """The network's method `side_scores`.

    Raises:
        InputError: it has none.
    """
    method: Callable[[Tensor], tuple[Tensor, ...]] | None = getattr(model, "side_scores", None)
    if method is None:
        raise InputError("a network with side outputs for deep supervision", f"{type(model).__name__}, without", HINT)
    return method
