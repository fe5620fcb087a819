"""Every image is counted once, whatever the model does on it; the table survives its file, others are refused."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pixelwise.audits import Sample, Statistics
from pixelwise.audits.sample_sets import SampleSet, sample_set
from pixelwise.audits.statistics import collect
from pixelwise.audits.statistics.detection import match_table
from pixelwise.audits.statistics.table import load_statistics
from pixelwise.data.detection.objects import objects_of
from pixelwise.data.folder import open_folder
from pixelwise.errors import InputError
from pixelwise.evaluation import evaluate
from pixelwise.inference import load
from pixelwise.metrics.detection import ImageDetections, coco_scores

CLASSES = ("ground", "cow", "sheep")


def segmentation(count: int = 6, size: int = 8) -> SampleSet:
    """Images whose first channel is a third of their label map."""
    source = torch.Generator().manual_seed(0)
    samples = []
    for number in range(count):
        truth = torch.randint(0, 3, (size, size), generator=source)
        image = (truth / 3).expand(3, -1, -1).clone()
        samples.append(Sample(f"{number}.png", (image,), truth, {"side": "left" if number % 2 else "right"}))
    return SampleSet("segmentation", CLASSES, samples)


def perfect(image: Tensor) -> Tensor:
    return (image[0] * 3).round().long()


def asked(model: Any, data: SampleSet, derive: tuple[str, ...] = ()) -> Statistics:
    return collect(model, data.samples, data.judge, derive)


def on_third(answer: Callable[[Tensor], Any]) -> Callable[[Tensor], Any]:
    """A model that is perfect but for the third image that it sees."""
    seen = []

    def model(image: Tensor) -> Any:
        seen.append(image)
        return answer(image) if len(seen) == 3 else perfect(image)

    return model


def raises(image: Tensor) -> Tensor:
    raise RuntimeError("out of luck\nand more")


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (raises, "raised RuntimeError: out of luck"),
        (lambda image: None, "no answer"),
        (lambda image: torch.full((3, 8, 8), math.nan), "unusable: 192 of 192 scores are NaN or infinite"),
        (lambda image: torch.zeros(4, 8, dtype=torch.long), "unusable: an answer of 4x8 to an image of 8x8"),
        (lambda image: torch.full((8, 8), 7), "unusable: class 7 of 3"),
        (lambda image: "cow", "unusable: str is no label map"),
        (lambda image: torch.zeros(8, 8), "unusable: shape (8, 8) of torch.float32 is no label map"),
    ],
)
def test_what_cannot_be_judged_is_counted_named_and_missed(answer: Callable[[Tensor], Any], outcome: str) -> None:
    data = segmentation()
    found = asked(on_third(answer), data)
    assert found.failures == {"2.png": outcome}
    assert found.answered.tolist() == [True, True, False, True, True, True]
    counts = found.arrays["counts"]
    assert counts[2].tolist() == [[0, 0, int((data.samples[2].truth == label).sum())] for label in range(3)]
    assert counts[[0, 1, 3, 4, 5], :, 1:].sum() == 0


def test_pixels_of_an_evaluation_are_counted(trained_run: Path, pasture_folder: Path) -> None:
    predictor = load(trained_run)
    data = sample_set(predictor, pasture_folder)
    found = collect(predictor, data.samples, data.judge, ("brightness", "sharpness", "object_size", "object_position"))
    table = evaluate(predictor, pasture_folder).confusion
    right = table.diagonal()
    expected = torch.stack([right, table.sum(0) - right, table.sum(1) - right], dim=1)
    assert found.arrays["counts"].sum(0).tolist() == expected.tolist()
    assert set(found.attributes) >= {"light", "background"} and len(found) == 6
    assert all(np.isfinite(column).all() for column in found.numbers.values())
    assert ((found.numbers["brightness"] > 0) & (found.numbers["brightness"] < 1)).all()


def test_derived_numbers_of_a_plain_image() -> None:
    image = torch.zeros(3, 10, 20)
    image[:, :, 10:] = 0.5
    truth = torch.zeros(10, 20, dtype=torch.long)
    truth[0, 18:] = 1
    truth[9] = 255
    data = SampleSet("segmentation", CLASSES, [Sample("a", (image,), truth)])
    found = asked(lambda image: truth.clamp(max=2), data, ("brightness", "object_size", "object_position", "motion"))
    assert found.numbers["brightness"][0] == pytest.approx(0.25)
    assert found.numbers["object_size"][0] == pytest.approx(2 / 200)
    # The middle of the two pixels is at (19, 0.5): 0.9 and -0.9 on a scale from -1 to 1.
    assert found.numbers["object_position"][0] == pytest.approx(0.9)
    assert math.isnan(found.numbers["motion"][0])


def test_classes_names_numbers_and_scores_are_one_answer() -> None:
    samples = [Sample(str(number), (torch.rand(3, 4, 4),), "cow") for number in range(7)]
    data = SampleSet("classification", CLASSES, samples)
    answers = iter(
        [1, "cow", torch.tensor([0.1, 2.0, 0.3]), np.int64(2), None, "goat", torch.tensor([1.0, math.nan, 2.0])]
    )
    found = asked(lambda image: next(answers), data)
    assert found.arrays["truth"].tolist() == [1] * 7
    assert found.arrays["answer"].tolist() == [1, 1, 1, 2, -1, -1, -1]
    assert list(found.failures.values()) == [
        "no answer",
        "unusable: no class is called 'goat'",
        "unusable: 1 of 3 numbers are NaN or infinite",
    ]


def test_detections_are_matched_as_by_the_evaluator() -> None:
    source = torch.Generator().manual_seed(1)
    samples, records = [], []
    for number in range(12):
        corner = torch.rand(4, 2, generator=source) * 40
        boxes = torch.cat([corner, corner + 12], dim=1)
        labels = torch.randint(1, 3, (4,), generator=source)
        samples.append(Sample(str(number), (torch.rand(3, 64, 64),), objects_of(boxes, labels, (64, 64))))
        moved = boxes + torch.randn(4, 4, generator=source)
        records.append(ImageDetections(moved, torch.rand(4, generator=source), labels))
    answers = iter(records)
    found = asked(lambda image: next(answers), SampleSet("detection", CLASSES, samples))
    scores = coco_scores([sample.truth for sample in samples], records, CLASSES)
    np.testing.assert_array_equal(match_table(found).partner, scores.table.partner)
    broken = iter([*records[:-1], ImageDetections(torch.zeros(1, 4), torch.tensor([math.nan]), torch.tensor([1]))])
    missed = asked(lambda image: next(broken), SampleSet("detection", CLASSES, samples))
    assert "NaN instead of scores that are numbers" in missed.failures["11"]
    assert match_table(missed).truth.image.tolist().count(11) == 4


def test_flow_errors_are_summed_where_motion_is_known() -> None:
    truth = torch.zeros(2, 4, 5)
    truth[0] = 3
    truth[:, 0] = math.nan
    samples = [Sample(name, (torch.rand(3, 4, 5),) * 2, truth) for name in "abc"]
    answers = iter([torch.zeros(2, 4, 5), torch.full((2, 4, 5), math.nan), torch.zeros(2, 3, 5)])
    found = asked(lambda first, second: next(answers), SampleSet("flow", (), samples), ("motion",))
    assert found.arrays["sums"][0, :2].tolist() == [15, 45]
    assert found.arrays["sums"][1:].sum() == 0
    assert "infinite values or not-a-number" in found.outcomes[1] and "(2, 3, 5)" in found.outcomes[2]
    assert found.numbers["motion"].tolist() == [3, 3, 3]


def test_a_network_is_asked_with_batches_of_one() -> None:
    class Net(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return nn.functional.one_hot((images[:, 0] * 3).round().long(), 3).movedim(-1, 1).float()

    assert not asked(Net().eval(), segmentation()).failures
    with pytest.raises(InputError, match=r"a network in evaluation mode, got one in training mode\nhint: model.eval()"):
        asked(Net(), segmentation())


def test_a_table_survives_its_file(tmp_path: Path) -> None:
    found = asked(on_third(raises), segmentation(), ("brightness",))
    found.save(tmp_path / "statistics.npz")
    again = load_statistics(tmp_path / "statistics.npz")
    assert (again.task, again.classes, again.names) == (found.task, found.classes, found.names)
    assert (again.outcomes, again.attributes) == (found.outcomes, found.attributes)
    np.testing.assert_array_equal(again.arrays["counts"], found.arrays["counts"])
    np.testing.assert_array_equal(again.numbers["brightness"], found.numbers["brightness"])


def hostile(path: Path, about: Any = None, **parts: Any) -> Path:
    np.savez(path, about=np.array(json.dumps(about)), **parts)
    return path


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("no archive")
    pickled = tmp_path / "pickled.npz"
    np.savez(pickled, about=np.array({"format": 1}, dtype=object))
    good = {
        "format": 1,
        "task": "flow",
        "classes": [],
        "names": ["a"],
        "outcomes": ["answered"],
        "attributes": {},
        "source": "",
    }
    cases = [
        (tmp_path / "missing.npz", "FileNotFoundError"),
        (tmp_path / "text.npz", "table of statistics"),
        (pickled, "ValueError"),
        (hostile(tmp_path / "a.npz", good | {"format": 9}), "format 9, not 1"),
        (hostile(tmp_path / "b.npz", good | {"task": "poetry"}), "task 'poetry'"),
        (hostile(tmp_path / "c.npz", good | {"outcomes": []}), "the column 'outcomes' is not 1 words"),
        (hostile(tmp_path / "d.npz", good, **{"number:x": np.zeros(5)}), "number:x is not a number for each image"),
        (hostile(tmp_path / "e.npz", [1, 2]), "not 1"),
    ]
    for path, told in cases:
        with pytest.raises(InputError, match="a table of statistics") as refusal:
            load_statistics(path)
        assert told in str(refusal.value), path


def test_refusals() -> None:
    data = segmentation()
    with pytest.raises(InputError, match="a model that answers, got none of 6 answers: 6 times raised RuntimeError"):
        asked(raises, data)
    with pytest.raises(InputError, match="a predictor or a function of an image, got str"):
        asked("model", data)
    with pytest.raises(InputError, match="at least one image, got none"):
        collect(perfect, [], data.judge)
    twice = SampleSet("segmentation", CLASSES, [data.samples[0], data.samples[0]])
    with pytest.raises(InputError, match=r"samples of different names, got '0\.png' twice"):
        asked(perfect, twice)
    other = Sample("x", data.samples[0].images, data.samples[0].truth, {"height": "low"})
    with pytest.raises(InputError, match=r"the attributes \['side'\] for every sample, got \['height'\] for x"):
        asked(perfect, SampleSet("segmentation", CLASSES, [*data.samples, other]))
    wrong = Sample("x", data.samples[0].images, torch.full((8, 8), 9), {"side": "left"})
    with pytest.raises(InputError, match=r"a label map \(H, W\) with classes 0..2 as the truth of x"):
        asked(perfect, SampleSet("segmentation", CLASSES, [wrong]))
    with pytest.raises(InputError, match="a class as the truth of x, got no class is called 'goat'"):
        asked(lambda image: 1, SampleSet("classification", CLASSES, [Sample("x", (torch.rand(3, 2, 2),), "goat")]))


def test_data_of_another_task_are_refused(trained_run: Path, pasture_folder: Path) -> None:
    from pixelwise.data.detection.folder import open_detection  # noqa: PLC0415

    with pytest.raises(InputError, match="data of segmentation, got detection data"):
        sample_set(load(trained_run), open_detection(pasture_folder))
    assert sample_set(perfect, open_folder(pasture_folder)).task == "segmentation"
    boxes = sample_set(perfect, open_detection(pasture_folder))
    assert boxes.task == "detection" and set(boxes.samples[0].attributes) >= {"light", "background"}
    assert len(boxes.samples[0].read_truth()) > 0
