"""Losses for data from several environments or groups: the worst group, or what is the same in all of them.

Each is a pure function of the losses, scores or features of the groups of one batch. None of them helps without care in
the choice of models: on DomainBed's seven data sets no such loss beat plain training when models were chosen on the
training environments (Gulrajani and Lopez-Paz 2021), and the settings below were found with a look at others. Say in
a report how the model was chosen.
"""

from collections.abc import Sequence
from itertools import combinations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor

from pixelwise.errors import InputError

STEP = 0.01
"""Default step of the group weights (Sagawa et al. 2020's released code)."""

VREX_WEIGHT = 10.0
"""DomainBed's default."""

IRM_WEIGHT = 100.0
"""DomainBed's default after its first 500 steps, during which it is 1."""


def group_dro(
    losses: Float[Tensor, " G"],
    weights: Float[Tensor, " _"],
    step: float | int = STEP,
    adjustments: Float[Tensor, " G"] | None = None,
) -> tuple[Float[Tensor, ""], Float[Tensor, " G"]]:
    """The weighted loss of the groups and their new weights, which follow the groups that are worst off.

    q_g <- q_g exp(step (loss_g + adjustment_g)), divided by their sum; the loss is sum q_g loss_g with the new weights.
    Sagawa, Koh, Hashimoto, Liang 2020, "Distributionally Robust Neural Networks for Group Shifts". It asks
    for batches in which every group is as likely, and for strong weight decay or early stopping: without these it is
    plain training.

    A group that is not in the batch (a loss of NaN) keeps its weight before the division and adds nothing to the loss.
    The released code takes its loss for 0, by which its weight falls.

    Args:
        losses: the mean loss of each group in the batch, NaN for a group that is not in it.
        weights: from the last step; start with 1 / G each.
        step: how fast weights move.
        adjustments: added to the losses where weights are computed, such as C / sqrt(group size), C of 0 to 5.

    Raises:
        InputError: weights that are negative or not finite, or another number of them than of losses.
    """
    if weights.shape != losses.shape or not bool((weights.isfinite() & (weights >= 0)).all()):
        raise InputError(
            f"{len(losses)} group weights of at least 0",
            f"{weights.tolist()}",
            hint="start with torch.full((groups,), 1 / groups)",
        )
    known = ~losses.isnan()
    filled = losses.where(known, 0)
    raised = filled.detach() if adjustments is None else filled.detach() + adjustments.to(losses).where(known, 0)
    # The largest exponent is taken off first: the division makes up for it, and nothing overflows.
    exponents = step * raised
    grown = weights * (exponents - exponents.max()).exp()
    renewed = grown / grown.sum()
    return (renewed * filled).sum(), renewed


def vrex(risks: Float[Tensor, " E"], weight: float | int = VREX_WEIGHT) -> Float[Tensor, ""]:
    """The mean of the environments' risks plus `weight` times their variance (of the population).

    Krueger et al. 2021, "Out-of-Distribution Generalization via Risk Extrapolation", with the mean instead
    of the sum, as DomainBed has it. Train plainly first, and reset the optimiser's moments when the weight rises.

    Args:
        risks: the mean loss of each environment.
        weight: of the variance.
    """
    return risks.mean() + weight * risks.var(unbiased=False)


def irm(risks: Float[Tensor, " E"], penalties: Float[Tensor, " E"], weight: float | int = IRM_WEIGHT) -> Tensor:
    """The mean of the environments' risks plus `weight` times the mean of their penalties (`irm_penalty`).

    Arjovsky, Bottou, Gulrajani, Lopez-Paz 2019, "Invariant Risk Minimization" (IRMv1). Train plainly first, and
    reset the optimiser's moments when the weight rises. On two coins with colours, 10 was too little and 100 enough.

    Args:
        risks: the mean loss of each environment.
        penalties: the penalty of each.
        weight: of the penalties.
    """
    return risks.mean() + weight * penalties.mean()


def irm_penalty(scores: Float[Tensor, "N K"], labels: Integer[Tensor, " N"]) -> Float[Tensor, ""]:
    """How far the best scale of the scores is from 1 in one environment: an estimate of the squared gradient.

    g(even rows) g(odd rows) with g = d/dw cross-entropy(w scores, labels) at w = 1. The product of two halves has the
    squared gradient as its mean, and so may be negative in a batch; the square of one would be too large. Rows must be
    in no order that tells the halves apart.

    Args:
        scores: of the classes, before the softmax; at least 2 rows.
        labels: the true class of each row. For label maps take rows of pixels that count.

    Raises:
        InputError: fewer than two rows.
    """
    if len(scores) < 2:
        raise InputError("at least 2 rows of scores in an environment", f"{len(scores)}", hint="take larger batches")
    scale = torch.ones((), dtype=scores.dtype, device=scores.device, requires_grad=True)
    halves = (F.cross_entropy(scale * scores[start::2], labels[start::2].long()) for start in (0, 1))
    even, odd = (torch.autograd.grad(half, scale, create_graph=True)[0] for half in halves)
    return even * odd


def coral(features: Sequence[Float[Tensor, "_ D"]]) -> Float[Tensor, ""]:
    """How far apart the environments' features are in mean and covariance; 0 for fewer than two environments.

    The mean over pairs of mean((mu_i - mu_j)^2) + mean((C_i - C_j)^2), the covariances divided by n - 1. Sun and Saenko
    2016, "Deep CORAL", with the means added as DomainBed does; weigh it by 1 beside the mean loss to begin with.

    Args:
        features: those of each environment, a row a sample, before the last layer.

    Raises:
        InputError: an environment of fewer than two samples, which has no covariance.
    """
    small = [len(each) for each in features if len(each) < 2]
    if small:
        raise InputError("at least 2 samples of each environment", f"{small[0]}", hint="take larger batches")
    moments = [(each.mean(0), torch.cov(each.T).reshape(each.shape[1], each.shape[1])) for each in features]
    distances = [
        (first[0] - second[0]).square().mean() + (first[1] - second[1]).square().mean()
        for first, second in combinations(moments, 2)
    ]
    return torch.stack(distances).mean() if distances else torch.zeros(())
