"""Every verb as a user meets it: help, wrong usage, bad input, and what it says at the end."""

import errno
import shutil
from pathlib import Path

import pytest

from pixelwise import __version__
from pixelwise.cli import main, training_run
from pixelwise.cli.main import run
from pixelwise.data.folder import open_folder
from pixelwise.data.images import IMAGE_SUFFIXES
from references.sample_folders import put_labels, put_pairs
from references.separate_processes import pixelwise

VERBS = ["demo", "data make pasture", "data check", "train segmentation", "evaluate", "predict"]


def said(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    code = run([str(word) for word in words])
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return code, captured.out, captured.err


@pytest.mark.parametrize("verb", VERBS)
def test_help_shows_an_example(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    code, out, _ = said(capsys, *verb.split(), "--help")
    assert code == 0
    assert f"Example: pixelwise {verb}" in " ".join(out.split())


def test_the_first_page_lists_the_verbs_and_where_to_start(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "--help")
    assert code == 0
    for verb in ("demo", "data", "train", "evaluate", "predict", "First time here: pixelwise demo"):
        assert verb in out
    assert said(capsys, "--version")[:2] == (0, f"{__version__}\n")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["paint"], "paint"),
        (["train", "segmentation"], "DATA"),
        (["train", "segmentation", "data"], "--out"),
        (["train", "segmentation", "data", "--out", "run", "--epoch", "3"], "--epoch"),
        (["train", "segmentation", "data", "--out", "run", "--epochs", "many"], "many"),
        (["train", "segmentation", "data", "--out", "run", "--loss", "focal"], "focal"),
        (["predict", "run", "--out", "there"], "IMAGE"),
        (["evaluate", "run"], "DATA"),
        (["data", "make", "pasture", "d", "--objects", "1"], "objects"),
    ],
)
def test_wrong_usage_is_code_2_with_a_hint(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = said(capsys, *words)
    assert code == 2
    assert text in err
    assert "hint: pixelwise " in err
    assert err.rstrip().endswith("--help")
    assert not list(tmp_path.iterdir())


def bad_folders(root: Path) -> dict[str, Path]:
    """Data folders with one fault each."""
    faults = {name: root / name for name in ("empty", "unreadable", "zero", "values", "size")}
    faults["empty"].mkdir()
    for name, folder in faults.items():
        if name != "empty":
            put_pairs(folder / "images", folder / "labels", "a b c")
            (folder / "classes.txt").write_text("ground\nsky\n")
    (faults["unreadable"] / "images" / "b.png").write_text("words")
    (faults["zero"] / "labels" / "b.png").write_bytes(b"")
    put_labels(faults["values"] / "labels" / "b.png", values=(0, 9))
    put_labels(faults["size"] / "labels" / "b.png", height=13)
    return faults | {"missing": root / "missing"}


@pytest.mark.parametrize("fault", ["empty", "unreadable", "zero", "values", "size", "missing"])
@pytest.mark.parametrize("verb", ["train", "evaluate", "check"])
def test_bad_data_is_code_1_with_a_hint(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, trained_run: Path, verb: str, fault: str
) -> None:
    data = bad_folders(tmp_path)[fault]
    words: dict[str, list[str | Path]] = {
        "train": ["train", "segmentation", data, "--out", tmp_path / "out"],
        "evaluate": ["evaluate", trained_run, data, "--out", tmp_path / "out"],
        "check": ["data", "check", data],
    }
    code, out, err = said(capsys, *words[verb])
    assert code == 1
    assert "hint: " in err or "fix: " in out
    assert fault in ("empty", "missing") or "b.png" in out + err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("verb", ["evaluate", "predict"])
@pytest.mark.parametrize("fault", ["none", "no weights", "version", "damaged"])
def test_a_bad_run_is_code_1_with_a_hint(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, trained_run: Path, pasture_folder: Path, verb: str, fault: str
) -> None:
    broken = shutil.copytree(trained_run, tmp_path / "run")
    record = broken / "run.json"
    if fault == "no weights":
        (broken / "model.safetensors").unlink()
    else:
        text = {"none": "", "version": record.read_text().replace('"format": 1', '"format": 2'), "damaged": "{"}
        record.write_text(text[fault])
    target = pasture_folder if verb == "evaluate" else pasture_folder / "images"
    code, _, err = said(capsys, verb, broken, target, "--out", tmp_path / "out")
    assert code == 1
    assert "hint: " in err
    assert not (tmp_path / "out").exists()


def test_predict_goes_on_after_a_bad_image_and_says_what_to_do_next(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, trained_run: Path, pasture_folder: Path
) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for item in open_folder(pasture_folder).items[:2]:
        shutil.copy(item.image, images)
    (images / "broken [x].png").write_bytes(b"")
    words = ["predict", trained_run, images, "--out", tmp_path / "out"]
    code, out, _ = said(capsys, *words, "--tile", "64")
    assert code == 1
    assert "broken [x].png" in out
    assert "hint: " in out
    assert "3 images, 1 failed" in out
    assert f"next   pixelwise evaluate {trained_run} DATA" in out
    (images / "broken [x].png").unlink()
    code, out, _ = said(capsys, *words)
    assert code == 0
    assert out.count("predicted before") == 2
    said(capsys, "predict", trained_run, images, "--out", tmp_path / "whole")
    for path in (tmp_path / "out").glob("*.png"):
        assert path.read_bytes() == (tmp_path / "whole" / path.name).read_bytes()
    assert not any(path.suffix in IMAGE_SUFFIXES and path.name.startswith(".") for path in tmp_path.rglob("*"))


def test_evaluate_prints_the_scores_and_where_they_are(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, trained_run: Path, pasture_folder: Path
) -> None:
    code, out, _ = said(capsys, "evaluate", trained_run, pasture_folder, "--out", tmp_path / "out")
    assert code == 0
    assert "images of split test" in out
    assert "always background" in out
    assert f"wrote  {tmp_path / 'out' / 'report.html'}" in out
    assert (tmp_path / "out" / "scores.json").is_file()


def test_training_in_a_process_of_its_own_prints_no_progress_bar_into_files(
    pasture_folder: Path, tmp_path: Path
) -> None:
    words = ["--width", 4, "--depth", 2, "--crop", 32, "--epochs", 1, "--batch-size", 7]
    done = pixelwise("train", "segmentation", pasture_folder, "--out", tmp_path / "run", *words)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "\r" not in done.stdout
    assert "\x1b" not in done.stdout
    lines = done.stdout.splitlines()
    assert lines[0].startswith("28 training images, 5 classes")
    assert lines[2].startswith("epoch 1  loss ")
    assert lines[-2:] == [
        f"wrote  {tmp_path / 'run' / 'report.html'}",
        f"next   pixelwise predict {tmp_path / 'run'} IMAGE... --out predictions",
    ]


def test_check_finds_a_sound_folder_sound(capsys: pytest.CaptureFixture[str], pasture_folder: Path) -> None:
    code, out, _ = said(capsys, "data", "check", pasture_folder)
    assert code == 0
    assert "0 fatal" in out
    assert f"next   pixelwise train segmentation {pasture_folder} --out run" in out


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "a.ckpt"),
            "refused a.ckpt: No space left on device\nhint: f",
        ),
        (PermissionError(errno.EACCES, "Permission denied", "b"), "hint: check the permissions"),
        (OSError("odd"), "the system refused: odd\nhint: check the path"),
        (KeyboardInterrupt(), "interrupted; what was finished is kept\nhint: run it again"),
    ],
)
def test_the_systems_errors_are_messages(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    error: BaseException,
    text: str,
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("pixelwise.cli.evaluate.evaluate_run", fail)
    code, _, err = said(capsys, "evaluate", tmp_path, tmp_path)
    assert code == 1
    assert text in err


def test_our_own_bugs_keep_their_traceback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("pixelwise.cli.evaluate.evaluate_run", fail)
    with pytest.raises(ZeroDivisionError):
        run(["evaluate", str(tmp_path), str(tmp_path)])


def test_main_exits_with_the_code(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["pixelwise", "paint"])
    with pytest.raises(SystemExit) as stopped:
        main.main()
    assert stopped.value.code == 2
    assert "hint:" in capsys.readouterr().err


def test_an_interrupt_before_anything_says_so(tmp_path: Path) -> None:
    assert training_run.where_it_stopped("segmentation", tmp_path, tmp_path / "run").startswith(
        "interrupted before the first epoch"
    )
