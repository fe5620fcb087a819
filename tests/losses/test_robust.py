"""Losses over groups against hand-worked numbers, and against the exact "two-bit" coloured digits.

The two-bit world (Kamath et al. 2021): a label is 1 or 0 alike; a shape agrees with it three times out of
four everywhere; a colour agrees with it 9 and 8 times out of 10 in the two training environments, and once in 10 in the
test. Every row stands there exactly as often as its probability says, so nothing is left to chance.
"""

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close

from pixelwise.errors import InputError
from pixelwise.losses.robust import coral, group_dro, irm, irm_penalty, vrex

Environment = tuple[Tensor, Tensor]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Tensors this small only wait for a second thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def two_bit(colour_errs: float) -> Environment:
    """80 rows, each twice in succession, so that even and odd rows are the same."""
    rows, labels = [], []
    for label, shape_errs_here, colour_errs_here in product((0, 1), (False, True), (False, True)):
        chance = 0.5 * (0.25 if shape_errs_here else 0.75) * (colour_errs if colour_errs_here else 1 - colour_errs)
        shape, colour = label ^ shape_errs_here, label ^ colour_errs_here
        count = 2 * round(80 * chance)
        rows += [[2.0 * shape - 1, 2.0 * colour - 1]] * count
        labels += [label] * count
    return torch.tensor(rows), torch.tensor(labels)


TRAINING = [two_bit(0.1), two_bit(0.2)]
EVERY = [*TRAINING, two_bit(0.9)]


def learned(objective: Callable[[Tensor, list[Tensor]], Tensor], steps: int = 150, plain: int = 50) -> list[float]:
    """Accuracy in each environment of a linear layer; plain training first, then the objective, Adam begun anew."""
    torch.manual_seed(0)
    layer = nn.Linear(2, 2)
    for count, loss in ((plain, lambda risks, _: risks.mean()), (steps, objective)):
        optimizer = torch.optim.Adam(layer.parameters(), 0.02)
        for _ in range(count):
            scores = [layer(rows) for rows, _ in TRAINING]
            risks = torch.stack(
                [F.cross_entropy(each, labels) for each, (_, labels) in zip(scores, TRAINING, strict=True)]
            )
            optimizer.zero_grad()
            loss(risks, scores).backward()
            optimizer.step()
    return [round(float((layer(rows).argmax(1) == labels).float().mean()), 3) for rows, labels in EVERY]


def penalties(scores: list[Tensor]) -> Tensor:
    return torch.stack([irm_penalty(each, labels) for each, (_, labels) in zip(scores, TRAINING, strict=True)])


COLOUR, SHAPE = [0.9, 0.8, 0.1], [0.75, 0.75, 0.75]


def test_plain_training_and_the_worst_group_learn_the_colour() -> None:
    assert learned(lambda risks, _: risks.mean()) == COLOUR
    weights = [torch.full((2,), 0.5)]

    def worst(risks: Tensor, _: list[Tensor]) -> Tensor:
        loss, weights[0] = group_dro(risks, weights[0], step=0.1)
        return loss

    assert learned(worst) == COLOUR
    assert weights[0][1] > weights[0][0]  # the environment in which the colour errs more


@pytest.mark.parametrize(("weight", "expected"), [(1000, SHAPE), (100, SHAPE), (10, COLOUR)])
def test_irm_learns_the_shape_when_its_weight_is_large_enough(weight: int, expected: list[float]) -> None:
    assert learned(lambda risks, scores: irm(risks, penalties(scores), weight)) == expected


@pytest.mark.parametrize(("weight", "expected"), [(1000, SHAPE), (100, SHAPE), (10, COLOUR)])
def test_vrex_learns_the_shape_when_its_weight_is_large_enough(weight: int, expected: list[float]) -> None:
    assert learned(lambda risks, _: vrex(risks, weight)) == expected


def test_group_weights_follow_the_exponential_update() -> None:
    losses, weights = torch.tensor([1.0, 3.0]), torch.tensor([0.75, 0.25])
    loss, renewed = group_dro(losses, weights, step=0.5)
    grown = [0.75 * np.exp(0.5), 0.25 * np.exp(1.5)]
    expected = torch.tensor(grown, dtype=torch.float32) / sum(grown)
    assert_close(renewed, expected)
    assert_close(loss, (expected * losses).sum())
    adjusted = group_dro(losses, weights, 0.5, torch.tensor([2.0, 0.0]))[1]
    assert_close(adjusted, weights)  # the adjustment makes both groups as badly off


def test_an_absent_group_keeps_its_share_and_huge_losses_do_not_overflow() -> None:
    losses = torch.tensor([1.0, float("nan"), 1.0], requires_grad=True)
    loss, weights = group_dro(losses, torch.tensor([0.2, 0.5, 0.3]), step=0.01)
    loss.backward()
    assert losses.grad is not None
    assert losses.grad[1] == 0
    assert bool(losses.grad.isfinite().all())
    assert weights[1] == pytest.approx(0.5 / (0.5 * (1 + np.exp(0.01))), rel=1e-5)
    assert_close(group_dro(torch.tensor([1e6, 0.0]), torch.tensor([0.5, 0.5]), 1.0)[1], torch.tensor([1.0, 0.0]))
    with pytest.raises(InputError, match="2 group weights of at least 0"):
        group_dro(torch.tensor([1.0, 2.0]), torch.tensor([1.0]))
    with pytest.raises(InputError, match="group weights of at least 0"):
        group_dro(torch.tensor([1.0]), torch.tensor([-1.0]))


def test_the_penalty_is_the_product_of_two_gradients_and_0_at_the_best_scale() -> None:
    scores, labels = torch.randn(10, 3, dtype=torch.float64), torch.randint(3, (10,))
    slopes = []
    for start in (0, 1):
        ahead, behind = (F.cross_entropy(w * scores[start::2], labels[start::2]) for w in (1 + 1e-5, 1 - 1e-5))
        slopes.append(float(ahead - behind) / 2e-5)
    assert float(irm_penalty(scores, labels).detach()) == pytest.approx(slopes[0] * slopes[1], rel=1e-6)
    # Scores that are the log-probabilities of what is true need no other scale.
    rows, truth = TRAINING[0]
    agrees = (rows[:, 1] + 1) / 2
    honest = torch.stack([torch.where(agrees == 1, 0.1, 0.9), torch.where(agrees == 1, 0.9, 0.1)], 1).log()
    assert float(irm_penalty(honest, truth).detach()) == pytest.approx(0, abs=1e-9)
    with pytest.raises(InputError, match="at least 2 rows"):
        irm_penalty(scores[:1], labels[:1])


def test_variance_is_of_the_population() -> None:
    assert float(vrex(torch.tensor([1.0, 3.0]), 10)) == 2 + 10 * 1


def test_coral_compares_means_and_covariances() -> None:
    first, second, third = torch.randn(5, 3), torch.randn(7, 3), torch.randn(6, 3)
    expected = []
    for one, two in ((first, second), (first, third), (second, third)):
        covariance = [np.cov(each.numpy(), rowvar=False) for each in (one, two)]
        means = float((one.mean(0) - two.mean(0)).square().mean())
        expected.append(means + float(((covariance[0] - covariance[1]) ** 2).mean()))
    assert float(coral([first, second, third])) == pytest.approx(np.mean(expected), rel=1e-5)
    assert float(coral([first, first])) == 0
    assert float(coral([first])) == 0
    assert float(coral([torch.randn(4, 1), torch.randn(4, 1)])) > 0
    with pytest.raises(InputError, match="at least 2 samples of each environment"):
        coral([first, second[:1]])
