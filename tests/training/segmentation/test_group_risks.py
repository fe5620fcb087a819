"""Training over groups: the loss of one batch against what is worked out group by group, and the state behind it."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from pixelwise.errors import InputError
from pixelwise.losses import cross_entropy
from pixelwise.losses.robust import coral, irm_penalty
from pixelwise.models.catalog import by_task
from pixelwise.models.normalise import Normalised
from pixelwise.training.segmentation import group_risks
from pixelwise.training.segmentation.crops import Batch
from pixelwise.training.segmentation.group_risks import RobustLoss
from pixelwise.training.segmentation.group_scores import GroupScores
from pixelwise.training.segmentation.groups import Groups
from pixelwise.training.segmentation.last_features import features_before, last_convolution
from pixelwise.training.segmentation.settings import SegmentationSettings
from pixelwise.training.segmentation.task import SegmentationTask
from pixelwise.training.segmentation.truth import Truth

GROUPS = Groups("light", ("bright", "dark", "dusk"), (0, 0, 1, 1, 2, 2), (0, 1, 1))


class Small(nn.Module):
    """Two convolutions; side scores come from the first."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last, self.side = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 2, 1), nn.Conv2d(4, 2, 1)

    def forward(self, images: Tensor) -> Tensor:
        return self.side_scores(images)[0]

    def side_scores(self, images: Tensor) -> tuple[Tensor, ...]:
        features = self.first(images).relu()
        side = self.side(features)
        return self.last(features), side


def task(robust: str, total_steps: int = 10, **settings: Any) -> SegmentationTask:
    asked = SegmentationSettings(
        robust=robust, groups="light", robust_start=0.0 if total_steps == 10 else 0.5, **settings
    )  # type: ignore[arg-type]
    network = Small()
    loss = RobustLoss(asked, GROUPS, total_steps, last_convolution(network) if robust == "coral" else "")
    model = Normalised(network, (0.5, 0.4, 0.3), (0.2, 0.2, 0.1))
    built = SegmentationTask(model, asked, ("a", "b"), None, total_steps, "1GB", loss)
    built.log = lambda *_, **__: None  # type: ignore[method-assign]  # there is no trainer to log to
    return built


def batch() -> Batch:
    """Three crops of group 0, one of group 2; and one of group 1, of which every pixel is ignored."""
    labels = torch.randint(0, 2, (5, 5, 6))
    labels[0, :2], labels[2] = 255, 255
    return Batch(torch.rand(5, 3, 5, 6), Truth(labels), tuple("abcde"), (0, 2, 1, 0, 0))


def rows(given: Batch) -> list[Tensor]:
    return [torch.tensor([0, 3, 4]), torch.tensor([1])]


def risks(trained: SegmentationTask, given: Batch) -> Tensor:
    scores = trained.model(given.images)
    return torch.stack([cross_entropy(scores[each], given.truth.labels[each]) for each in rows(given)])


def test_group_dro_weighs_groups_by_hand_and_leaves_absent_ones() -> None:
    trained, given = task("group_dro", robust_weight=0.5), batch()
    first, second = risks(trained, given)
    found = trained.training_step(given, 0)
    assert trained.robust is not None
    grown = torch.stack([first, torch.zeros(()), second]).detach().mul(0.5).exp() / 3
    weights = grown / grown.sum()
    assert_close(trained.robust.group_weights, weights)
    assert_close(found, weights[0] * first + weights[2] * second)
    found.backward()
    once = trained.robust.group_weights.clone()
    trained.training_step(given, 1)
    assert trained.robust.group_weights[2] / trained.robust.group_weights[1] > once[2] / once[1]


def test_vrex_adds_the_variance_of_the_risks() -> None:
    trained, given = task("vrex", robust_weight=3.0), batch()
    first, second = risks(trained, given)
    assert_close(trained.training_step(given, 0), (first + second) / 2 + 3 * (first - second) ** 2 / 4)


def test_irm_adds_penalties_of_labelled_pixels() -> None:
    trained, given = task("irm", robust_weight=2.0), batch()
    scores, labels = trained.model(given.images), given.truth.labels
    penalties = []
    generator = torch.Generator().manual_seed(0)
    for each in rows(given):
        of_group, seen = scores[each].permute(0, 2, 3, 1).reshape(-1, 2), labels[each].reshape(-1)
        counted = (seen != 255).nonzero()[:, 0]
        counted = counted[torch.randperm(len(counted), generator=generator)]
        penalties.append(irm_penalty(of_group[counted], seen[counted]))
    assert trained.robust is not None
    grouped = group_risks.Grouped(group_risks.rows_of(given.groups, labels), scores, labels)
    by_hand = risks(trained, given).mean() + 2 * torch.stack(penalties).mean()
    found = trained.robust(grouped, lambda each: cross_entropy(scores[each], labels[each]), 0, generator.manual_seed(0))
    assert_close(found, by_hand)
    loss = trained.training_step(given, 0)
    assert torch.equal(loss, trained.training_step(given, 0))  # the same pixels for the same step
    loss.backward()
    assert trained.model.model.first.weight.grad.isfinite().all()


def test_coral_adds_distances_of_the_features_before_the_last_layer() -> None:
    trained, given = task("coral", robust_weight=2.0), batch()
    with features_before(trained.model.model, "last") as seen:
        trained.model(given.images)
    features = [seen[0][each].permute(0, 2, 3, 1).reshape(-1, 4) for each in rows(given)]
    found = trained.training_step(given, 0)
    assert_close(found, risks(trained, given).mean() + 2 * coral(features))
    found.backward()
    assert not trained.model.model.last._forward_pre_hooks


def test_no_more_pixels_than_agreed_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_risks, "PIXELS", 7)
    counts: list[int] = []
    monkeypatch.setattr(group_risks, "irm_penalty", lambda scores, _: counts.append(len(scores)) or scores.sum() * 0)
    monkeypatch.setattr(group_risks, "coral", lambda sets: counts.extend(map(len, sets)) or sets[0].sum() * 0)
    task("irm").training_step(batch(), 0)
    task("coral").training_step(batch(), 0)
    assert counts == [7] * 4


@pytest.mark.parametrize("robust", ["group_dro", "vrex", "irm", "coral"])
def test_a_batch_without_a_labelled_pixel_gives_0(robust: str) -> None:
    trained, given = task(robust), batch()
    given.truth.labels.fill_(255)
    loss = trained.training_step(given, 0)
    assert loss.item() == 0
    loss.backward()


def test_before_the_start_groups_count_alike() -> None:
    for robust in ("vrex", "irm"):
        trained, given = task(robust, total_steps=8, robust_weight=50.0), batch()
        assert trained.robust is not None
        assert trained.robust.starts == 4
        assert_close(trained.training_step(given, 0), risks(trained, given).mean())
    assert task("group_dro", total_steps=8).robust.starts == 0  # type: ignore[union-attr]


def test_side_outputs_and_other_losses_belong_to_a_groups_risk() -> None:
    trained, given = task("vrex", robust_weight=3.0, deep_supervision=0.4, loss="dice+border_cross_entropy"), batch()
    scores = trained.model.model.side_scores((given.images - trained.model.mean) / trained.model.std)
    first, second = (
        sum(
            weight * trained.loss(each[chosen], Truth(given.truth.labels[chosen]))
            for weight, each in zip((1, 0.4), scores, strict=True)
        )
        for chosen in rows(given)
    )
    assert_close(trained.training_step(given, 0), (first + second) / 2 + 3 * (first - second) ** 2 / 4)


@pytest.mark.parametrize(
    ("name", "settings", "layer"),
    [
        ("unet", {"width": 4, "depth": 2}, "classify"),
        ("unet_resnet18", {}, "classify"),
        ("fcn_resnet18", {"auxiliary": True}, "classifier.4"),
    ],
)
def test_the_last_convolution_is_found_and_nothing_is_changed(name: str, settings: dict[str, Any], layer: str) -> None:
    network = by_task["segmentation"][name](3, **settings)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    assert last_convolution(network) == layer
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert all(part.training and not part._forward_hooks for part in network.modules())


def test_a_network_that_adds_scores_of_several_layers_has_no_last_one() -> None:
    class Two(Small):
        def forward(self, images: Tensor) -> Tensor:
            return torch.stack(self.side_scores(images)).sum(0)

    with pytest.raises(InputError, match=r"one last convolution, for coral, got Two, which has none\nhint: choose"):
        last_convolution(Two())
    with pytest.raises(InputError, match="which has none"):
        last_convolution(nn.AvgPool2d(3, 1, 1))


def test_the_worst_group_on_validation_is_that_with_the_lowest_mean_iou() -> None:
    scores = GroupScores(GROUPS, 2)
    for number, confusion in enumerate([[[8, 2], [0, 0]], [[1, 0], [0, 1]], [[0, 1], [1, 0]]]):
        scores.add(number, torch.tensor(confusion))
    found = scores.taken()
    assert found["val_group_iou/bright"] == pytest.approx(0.4)
    assert found["val_group_iou/dark"] == pytest.approx(1 / 3)
    assert found["val_worst_group_iou"] == pytest.approx(1 / 3)
    assert found["val_group_iou/dusk"] != found["val_group_iou/dusk"]  # not a number: no image
    assert scores.taken()["val_worst_group_iou"] != 0  # counted anew: nothing was measured
