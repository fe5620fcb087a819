"""The options of `pixelwise train segmentation` that are read before training: what reaches it, what is refused."""

from pathlib import Path
from typing import Any

import pytest

from pixelwise.cli import training_run as verb
from pixelwise.cli.main import run

WEIGHING = ("robust_weight", "robust_start")


class Reached(Exception):  # noqa: N818 - a message, not an error
    """Carries what training was asked for."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Runs a command line and gives the settings that reach training."""

    def train(task: str, data: Path, **settings: Any) -> None:
        raise Reached(settings)

    monkeypatch.setattr(verb, "train", train)

    def settings_of(*words: str) -> dict[str, Any]:
        with pytest.raises(Reached) as reached:
            run(["train", "segmentation", str(tmp_path), "--out", str(tmp_path / "run"), *words])
        found: dict[str, Any] = reached.value.args[0]
        return found

    return settings_of


def test_loss_sampling_and_deep_supervision_reach_training(asked: Any) -> None:
    found = asked("--loss", "dice+0.01*boundary", "--sampling", "balanced", "--deep-supervision", "0.4")
    assert found["loss"] == "dice+0.01*boundary"
    assert found["sampling"] == "balanced"
    assert found["deep_supervision"] == 0.4
    assert not {"loss", "sampling", "deep_supervision", "model_settings"} & asked().keys()


def test_what_is_done_against_shortcuts_reaches_training(asked: Any, tmp_path: Path) -> None:
    table = str(tmp_path / "mine.csv")
    found = asked(
        *("--random-backgrounds", "0.5", "--robust", "group_dro", "--groups", "light*background"),
        *("--robust-weight", "0.1", "--robust-start", "0.2", "--attributes", table),
    )
    assert found["attributes"] == Path(table)
    given = {"random_backgrounds": 0.5, "robust": "group_dro", "groups": "light*background"}
    assert given | {"robust_weight": 0.1, "robust_start": 0.2} == {name: found[name] for name in (*given, *WEIGHING)}
    assert not {*given, *WEIGHING} & asked().keys()


def test_settings_of_the_model_are_read_as_json_where_it_parses(asked: Any) -> None:
    words = ["upsampling=bilinear", "auxiliary=true", "dropout=0.5", "size=65", 'name="3"', "weights=a=b.pt", "rest="]
    found = asked("--width", "8", *(word for setting in words for word in ("--set", setting)))["model_settings"]
    assert found == {
        "width": 8,
        "upsampling": "bilinear",
        "auxiliary": True,
        "dropout": 0.5,
        "size": 65,
        "name": "3",
        "weights": "a=b.pt",
        "rest": "",
    }
    assert isinstance(found["size"], int)


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["--set", "width"], 1, "wanted --set NAME=VALUE, got 'width'\nhint: such as --set upsampling=bilinear"),
        (["--set", "=3"], 1, "wanted --set NAME=VALUE, got '=3'"),
        (["--set", "a=1", "--set", "a=2"], 1, "wanted each setting of the model once, got a twice"),
        (["--depth", "3", "--set", "depth=2"], 1, "wanted each setting of the model once, got depth twice"),
        (
            ["--loss", "dice+focal"],
            2,
            "a sum of cross_entropy, cross_entropy_sum, dice, border_cross_entropy, boundary",
        ),
        (["--loss", "0*dice"], 2, "a weight above 0"),
        (["--sampling", "rare"], 2, "rare"),
        (["--robust", "dro"], 2, "dro"),
        (["--groups", "light"], 1, 'wanted a robust training that uses groups, got robust = "none"'),
        (["--deep-supervision", "some"], 2, "some"),
    ],
)
def test_what_cannot_be_read_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, words: list[str], code: int, text: str
) -> None:
    assert run(["train", "segmentation", str(tmp_path), "--out", str(tmp_path / "run"), *words]) == code
    assert text in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_setting_that_the_model_lacks_is_named(capsys: pytest.CaptureFixture[str], pasture_folder: Path) -> None:
    assert (
        run(["train", "segmentation", str(pasture_folder), "--out", str(pasture_folder / "run"), "--set", "wide=3"])
        == 1
    )
    assert "wanted settings of unet (width, depth" in capsys.readouterr().err
