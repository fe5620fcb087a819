"""Deep supervision: one sum."""

import pytest
import torch

from pixelwise.errors import InputError
from pixelwise.losses.deep_supervision import deep_supervision


def test_side_losses_are_added_with_their_weight() -> None:
    main, first, second = (torch.tensor(value, requires_grad=True) for value in (2.0, 1.0, 4.0))
    total = deep_supervision([main, first, second], 0.5)
    total.backward()
    assert total.item() == 4.5
    assert [each.grad.item() for each in (main, first, second)] == [1, 0.5, 0.5]


def test_a_main_loss_alone_comes_out_as_it_is() -> None:
    assert deep_supervision([torch.tensor(3.0)], 0.4).item() == 3
    assert deep_supervision([torch.tensor(3.0), torch.tensor(9.0)], 0).item() == 3


@pytest.mark.parametrize(
    ("losses", "weight", "text"),
    [([], 0.4, "wanted a main loss"), ([1.0], -1, "got -1"), ([1.0], float("nan"), "got nan")],
)
def test_no_loss_and_bad_weights_are_refused(losses, weight, text) -> None:
    with pytest.raises(InputError, match=text):
        deep_supervision([torch.tensor(loss) for loss in losses], weight)
