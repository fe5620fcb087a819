"""Training with side outputs: what is added to the loss, and which networks are refused."""

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from pixelwise.errors import InputError
from pixelwise.losses import cross_entropy
from pixelwise.models.normalise import Normalised
from pixelwise.training.segmentation.crops import Batch
from pixelwise.training.segmentation.settings import SegmentationSettings
from pixelwise.training.segmentation.side_scores import side_scores
from pixelwise.training.segmentation.task import SegmentationTask
from pixelwise.training.segmentation.truth import Truth


class Sided(nn.Module):
    """A network of three convolutions, two of them side outputs."""

    def __init__(self, sides: int = 2) -> None:
        super().__init__()
        self.heads = nn.ModuleList(nn.Conv2d(3, 2, 1) for _ in range(1 + sides))

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.heads[0](images)
        return scores

    def side_scores(self, images: Tensor) -> tuple[Tensor, ...]:
        return tuple(head(images) for head in self.heads)


def task(network: nn.Module, weight: float) -> SegmentationTask:
    settings = SegmentationSettings(deep_supervision=weight)
    model = Normalised(network, (0.5, 0.4, 0.3), (0.2, 0.2, 0.1))
    built = SegmentationTask(model, settings, ("a", "b"), None, 1, "1GB")
    built.log = lambda *_, **__: None  # type: ignore[method-assign]  # there is no trainer to log to
    return built


def batch() -> Batch:
    return Batch(torch.rand(2, 3, 5, 6), Truth(torch.randint(0, 2, (2, 5, 6))), ("a", "b"))


def test_side_losses_are_added_with_the_weight() -> None:
    network, given = Sided(), batch()
    trained = task(network, 0.4)
    main, first, second = (cross_entropy(s, given.truth.labels) for s in side_scores(trained.model, given.images))
    assert_close(trained.training_step(given, 0), main + 0.4 * (first + second))
    assert_close(task(network, 0.0).training_step(given, 0), main)


def test_side_outputs_see_the_same_scaled_image_as_the_main_one() -> None:
    trained, given = task(Sided(), 0.4), batch()
    assert_close(side_scores(trained.model, given.images)[0], trained.model(given.images))


def test_side_outputs_get_a_gradient_only_when_asked_for() -> None:
    for weight, graded in ((0.4, True), (0.0, False)):
        network = Sided()
        task(network, weight).training_step(batch(), 0).backward()
        assert [head.weight.grad is not None for head in network.heads] == [True, graded, graded]


def test_networks_without_side_outputs_are_refused() -> None:
    with pytest.raises(InputError, match=r"side outputs for deep supervision, got Conv2d, without\nhint: choose one"):
        task(nn.Conv2d(3, 2, 1), 0.4)
    with pytest.raises(InputError, match=r"got its main output alone\nhint: .* --set auxiliary=true"):
        task(Sided(sides=0), 0.4).training_step(batch(), 0)
    assert task(nn.Conv2d(3, 2, 1), 0.0).training_step(batch(), 0) > 0
