"""Objects through the command line: what evaluate prints and what predict says of each image."""

from pathlib import Path

import pytest

from pixelwise.cli.evaluate import evaluate
from pixelwise.cli.predict import predict
from pixelwise.inference import load
from pixelwise.inference.run_folder import RunRecord, build_model, read_record, write_record, write_weights
from references.nuclei_folder import NUCLEI, put_nuclei

pytest.importorskip("skimage")


@pytest.fixture
def border_run(tmp_path: Path) -> Path:
    """An untrained network for nuclei with borders, as a run folder."""
    scale = (0.5, 0.5, 0.5)
    settings = {"width": 4, "depth": 1}
    record = RunRecord(
        "segmentation", "unet", settings, NUCLEI, scale, scale, {}, {"name": "nuclei"}, (9, 3, 0), finished=True
    )
    write_record(tmp_path / "run", record)
    write_weights(tmp_path / "run", build_model(record).model)
    return tmp_path / "run"


def test_a_border_survives_the_run_folder(border_run: Path) -> None:
    assert read_record(border_run).classes == NUCLEI
    assert load(border_run).record.classes.border


def test_evaluate_prints_ap_beside_the_floor(
    border_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate(border_run, put_nuclei(tmp_path / "data"), out=tmp_path / "report")
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("objects: AP ") and "connected components: 0." in line for line in lines)
    assert sum(line.startswith("  IoU over 0.") for line in lines) == 10


def test_predict_counts_objects(border_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = put_nuclei(tmp_path / "data", count=1)
    assert predict(border_run, data / "images", out=tmp_path / "out") == 0
    assert " objects" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "0.instances.jpg",
        "0.instances.tif",
        "0.overlay.jpg",
        "0.png",
        "predictions.json",
    ]
