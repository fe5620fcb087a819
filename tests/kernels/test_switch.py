"""Fast twins: used where numba is, replaced by plain torch where it is not, and turned off by the variable."""

import sys
from collections.abc import Iterator

import pytest
import torch

from pixelwise.errors import InputError
from pixelwise.kernels import switch
from pixelwise.ops import nms_rounds
from pixelwise.ops.nms import nms


@pytest.fixture(autouse=True)
def looked_up_anew() -> Iterator[None]:
    switch._numba_works.cache_clear()
    yield
    switch._numba_works.cache_clear()


@pytest.fixture
def plain_calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with each call of the plain implementation."""
    calls: list[int] = []
    plain = nms_rounds.survivors

    def counted(*arguments: object) -> torch.Tensor:
        calls.append(1)
        return plain(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(nms_rounds, "survivors", counted)
    return calls


BOXES = torch.tensor([[0.0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]])
SCORES = torch.tensor([0.5, 0.9, 0.8])


def test_the_twin_serves_where_numba_is(plain_calls: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    monkeypatch.delenv("PIXELWISE_KERNELS", raising=False)
    assert nms(BOXES, SCORES, 0.5).tolist() == [1, 2]
    assert not plain_calls


def test_the_variable_turns_it_off_at_the_next_call(plain_calls: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXELWISE_KERNELS", "off")
    assert nms(BOXES, SCORES, 0.5).tolist() == [1, 2]
    assert len(plain_calls) == 1


def test_without_numba_the_plain_definition_serves(plain_calls: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)  # import numba then raises ImportError
    assert not switch.twins_wanted()
    assert nms(BOXES, SCORES, 0.5).tolist() == [1, 2]
    assert len(plain_calls) == 1


def test_another_value_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXELWISE_KERNELS", "0")
    with pytest.raises(InputError, match='wanted PIXELWISE_KERNELS to be "on" or "off", got "0"\nhint: unset'):
        nms(BOXES, SCORES, 0.5)
