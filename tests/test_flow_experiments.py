"""What the flow experiments draw and measure, and that each runs in its smallest setting."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from pixelwise.data.flow import FlowPair
from pixelwise.data.flying import FlyingPairs, Recipe
from pixelwise.ops import warp
from pixelwise.training.metrics_file import read_rows

ROOT = Path(__file__).resolve().parents[1]
RECIPE = Recipe(size=(64, 96), motion=1.0)


@pytest.fixture(autouse=True)
def experiments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


def module(name: str) -> ModuleType:
    return importlib.import_module(f"experiments.{name}")


@pytest.fixture(scope="module")
def pairs() -> list[FlowPair]:
    return list(FlyingPairs(RECIPE, 0, 6))


def test_a_pool_gives_back_what_it_was_given_and_keeps_the_newest(pairs: list[FlowPair]) -> None:
    flow_pool = module("flow_pool")
    pool = flow_pool.filled(pairs, torch.device("cpu"))
    batch = pool.at(torch.tensor([4]))
    torch.testing.assert_close(batch.first[0], pairs[4].image)
    torch.testing.assert_close(batch.second[0], pairs[4].second)
    torch.testing.assert_close(batch.flow[0], pairs[4].flow, atol=0.04, rtol=1e-3)
    small = flow_pool.Pool(RECIPE.size, 2, torch.device("cpu"))
    for pair in pairs[:3]:
        small.add(torch.cat([pair.image, pair.second]).mul(255).byte()[None], pair.flow[None].half())
    assert (len(small), small.made) == (2, 3)
    torch.testing.assert_close(small.at(torch.tensor([0])).flow[0], pairs[2].flow, atol=0.04, rtol=1e-3)


def test_moved_pairs_still_match(pairs: list[FlowPair]) -> None:
    flow_pool = module("flow_pool")
    pool = flow_pool.filled(pairs, torch.device("cpu"))
    still = pool.at(torch.arange(6))
    for repeat in range(3):
        moved = flow_pool.moved(still, torch.Generator().manual_seed(repeat))
        returned, inside = warp(moved.second, moved.flow)
        wrong, _ = warp(moved.second, -moved.flow)
        seen = inside & moved.valid
        explained, unexplained = ((each - moved.first).abs().mean(1)[seen].mean() for each in (returned, wrong))
        assert explained < 0.6 * unexplained
        assert moved.valid.float().mean() > 0.8
        assert not torch.equal(moved.flow, still.flow)


def test_tints_differ_between_pairs_and_leave_the_flow(pairs: list[FlowPair]) -> None:
    flow_pool = module("flow_pool")
    still = flow_pool.filled([pairs[0], pairs[0]], torch.device("cpu")).at(torch.arange(2))
    tinted = flow_pool.tinted(still, torch.Generator().manual_seed(0))
    assert torch.equal(tinted.flow, still.flow)
    assert tinted.first.min() >= 0 and tinted.first.max() <= 1
    assert not torch.allclose(tinted.first[0], tinted.first[1], atol=0.01)


def test_gains_are_against_no_motion(pairs: list[FlowPair]) -> None:
    flow_contest = module("flow_contest")
    still = flow_contest.still_sums(pairs)
    assert set(flow_contest.gains(still, still).values()) == {0}
    perfect = still.clone()
    perfect[:, :, 1:] = 0
    mean = float(torch.stack([pair.flow.norm(dim=0) for pair in pairs]).mean())
    assert flow_contest.gains(perfect, still)["all"] == pytest.approx(mean, rel=1e-5)


def test_every_network_learns_from_the_same_batches(pairs: list[FlowPair]) -> None:
    flow_contest, flow_pool = module("flow_contest"), module("flow_pool")
    networks = {}
    for name in ("one", "twin"):
        torch.manual_seed(0)
        networks[name] = importlib.import_module("pixelwise.models").FlowNetS(2)
    contest = flow_contest.Contest(networks, dict.fromkeys(networks, 1e-3), torch.device("cpu"))
    flow_contest.train_on(contest, flow_pool.filled(pairs, torch.device("cpu")), 2, 2, seed=0)
    one, twin = (model.state_dict() for model in contest.models.values())
    assert all(torch.equal(one[name], twin[name]) for name in one)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["flow_correlation", "flow_refinement", "flow_transfer"])
def test_each_runs_in_its_smallest_setting(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = torch.get_num_threads()
    module(name).main(["--quick", "--threads", "1", "--out", str(tmp_path)])
    torch.set_num_threads(before)
    assert "the claim" in capsys.readouterr().out
    assert list(tmp_path.glob("*.csv"))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="worker processes are forked")
def test_full_width_ends_by_itself_with_its_curve(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    words = "--minutes 0.7 --ending 0.5 --networks flownet_c:2,flownet_s:2 --height 64 --width 96 --batch 2 --pool 20"
    words += f" --workers 0 --device cpu --threads 1 --quick --out {tmp_path}"
    module("flow_full_width").main(words.split())
    torch.set_num_threads(before)
    last = read_rows(tmp_path / "metrics.csv")[-1]  # how many steps there were depends on how busy the machine is
    assert last["step"] >= 0
    assert 0 < last["flownet_c:2/all"] < 1000 and last["no motion/all"] > 0
    assert (tmp_path / "flow_full_width.svg").read_text().startswith("<svg")
    assert (tmp_path / "flownet_c_2.safetensors").is_file()
