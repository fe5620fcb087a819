"""The whole audit: planted faults are found, clean models pass, and every file tells the same."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import pixelwise as pw
from pixelwise.audits import Audit, Conditions, Finding, Sample, SampleSet, Statistics, audit
from pixelwise.errors import InputError

CLASSES = ("background", "cow")


def fields(count: int = 160) -> SampleSet:
    """Bright and dark pictures with a cow of some size, a little brighter than its ground."""
    source = torch.Generator().manual_seed(0)
    samples = []
    for number in range(count):
        light = 0.2 if number % 4 == 0 else 0.6
        truth = torch.zeros(16, 16, dtype=torch.long)
        row, column, side = torch.randint(3, 9, (3,), generator=source).tolist()
        truth[row : row + side, column : column + side] = 1
        image = (light + 0.2 * truth).expand(3, 16, 16) + 0.02 * torch.rand(3, 16, 16, generator=source)
        name = "dark" if light < 0.5 else "bright"
        samples.append(Sample(f"{number:03d}.png", (image,), truth, {"light": name, "video": f"v{number // 8}"}))
    return SampleSet("segmentation", CLASSES, samples, "fields")


def relative(image: Tensor) -> Tensor:
    """Finds what is brighter than the picture's own middle: right in any light, but for a pixel at some place."""
    gray = image.mean(0)
    labels = (gray > (gray.min() + gray.max()) / 2).long()
    place = int(gray.sum() * 1000) % labels.numel()
    labels.view(-1)[place] = 1 - labels.view(-1)[place]
    return labels


def absolute(image: Tensor) -> Tensor:
    """Finds what is bright: misses every cow in the dark."""
    return (image.mean(0) > 0.7).long()


@pytest.fixture(scope="module")
def failed() -> Audit:
    return audit(absolute, fields(), by=("light", "brightness"))


def test_a_model_that_fails_in_the_dark_fails(failed: Audit) -> None:
    assert failed.verdict == "fail" and not failed.passed
    found = {row.name: row.decision for row in failed.table}
    assert found["light = dark"] == "fail" and found["light = bright"] == "pass"
    first = failed.findings[0]
    assert first.verdict == "fail" and "mean_iou of images with light = dark is" in first.claim
    assert len(first.evidence) == 4 and first.lo < first.number < first.hi


def test_a_model_that_works_in_any_light_passes() -> None:
    found = audit(relative, fields(), by=("light",))
    assert found.verdict == "pass" and found.passed
    assert "no group is worse than all other images by more than 0.050" in found.findings[0].claim


def test_page_table_json_and_card_tell_the_same(failed: Audit, tmp_path: Path) -> None:
    failed.save(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    told = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    with (tmp_path / "report.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert told["verdict"] == "fail" and told["passed"] is False
    assert [row["group"] for row in rows] == [row.group for row in failed.table]
    assert [row["gap"] for row in told["groups"]][1:] == [row.gap for row in failed.table][1:]
    assert float(rows[1]["gap"]) == failed.table[1].gap and rows[0]["gap"] == ""
    for finding in failed.findings:
        assert finding.claim.split(":")[0] in page
    assert page.index("What fails") < page.index("Every group")
    assert "http" not in page.replace("http://www.w3.org", "").replace("http-equiv", "")
    card = failed.model_card()
    assert "Verdict: **fail**" in card and "| light = dark | mean_iou | 40 |" in card


def test_the_card_begins_with_yaml_that_hugging_face_reads(failed: Audit) -> None:
    yaml = pytest.importorskip("yaml")
    _, head, _ = failed.model_card().split("---\n", 2)
    found = yaml.safe_load(head)
    result = found["model-index"][0]["results"][0]
    assert found["library_name"] == "pixelwise" and found["pipeline_tag"] == "image-segmentation"
    assert result["metrics"][0]["type"] == "mean_iou"
    assert result["metrics"][0]["value"] == pytest.approx(failed.table[0].value, abs=1e-6)
    assert result["dataset"]["name"] == "fields"


def test_strange_names_break_neither_page_nor_card(tmp_path: Path) -> None:
    data = fields(40)
    for sample in data.samples:
        sample.attributes["light"] = '<b>"|\n---' if sample.attributes["light"] == "dark" else "b"  # type: ignore[index]
    found = audit(absolute, SampleSet("segmentation", CLASSES, data.samples, 'a"\n---\nb: c'), by=("light",))
    found.save(tmp_path / "report.html")
    assert "<b>" not in (tmp_path / "report.html").read_text(encoding="utf-8")
    yaml = pytest.importorskip("yaml")
    head = found.model_card().removeprefix("---\n").split("\n---\n")[0]
    assert yaml.safe_load(head)["model-index"][0]["results"][0]["dataset"]["name"] == 'a"\n---\nb: c'
    assert "<b>" not in found.model_card()


def test_images_without_an_answer_are_told_and_judged() -> None:
    def gives_up_in_the_dark(image: Tensor) -> Tensor | None:
        return None if image.mean() < 0.4 else relative(image)

    found = audit(gives_up_in_the_dark, fields(), by=("light",))
    decisions = {(row.group, row.metric): row.decision for row in found.table}
    assert decisions["dark", "answered"] == decisions["dark", "mean_iou"] == "fail"
    told = next(finding for finding in found.findings if finding.about == "answers")
    assert "40 of 160 images have no answer that can be judged (40 times no answer)" in told.claim
    assert len(found.to_json()["unanswered"]) == 40


def test_statistics_can_be_judged_again_without_the_model(failed: Audit) -> None:
    again = audit(failed.statistics, None, by=("light",), conditions=Conditions(margin=0.9))
    assert again.passed and again.table[0].value == failed.table[0].value


def test_open_questions_stop_a_model_only_where_asked() -> None:
    few = fields(28)
    assert audit(absolute, few, by=("light",)).verdict == "inconclusive"
    assert not audit(absolute, few, by=("light",)).passed
    assert audit(absolute, few, by=("light",), conditions=Conditions(fail_on_inconclusive=False)).passed


def test_without_groups_nothing_is_certified() -> None:
    found = audit(relative, fields(20))
    assert found.verdict == "inconclusive" and found.table[0].value > 0.9


def test_a_new_model_that_loses_a_group_fails_against_the_old_one() -> None:
    found = audit(absolute, fields(), by=("light",), against=relative, conditions=Conditions(margin=0.9))
    assert {row.group: row.decision for row in found.changes}["bright"] == "pass"
    strict = audit(absolute, fields(), by=("light",), against=relative)
    assert {row.group: row.decision for row in strict.changes} == {
        "all images": "fail",
        "dark": "fail",
        "bright": "pass",
    }
    assert any(finding.about == "change" and finding.verdict == "fail" for finding in strict.findings)


def test_probes_add_findings_and_count() -> None:
    def probe(model: object, samples: SampleSet, rng: np.random.Generator) -> list[Finding]:
        return [Finding("probe", "it looks away", 0.4, 0.3, 0.5, len(samples.samples), "fail", "mend it")]

    found = audit(relative, fields(), by=("light",), probes=(probe,))
    assert found.verdict == "fail" and found.findings[0].claim == "it looks away"


def test_one_seed_one_audit() -> None:
    first, again = (audit(relative, fields(40), by=("light",)).to_json() for _ in range(2))
    assert first == again
    other = audit(relative, fields(40), by=("light",), conditions=Conditions(seed=1)).to_json()
    assert first["groups"][1]["value"] == other["groups"][1]["value"]


def test_clusters_are_the_units() -> None:
    found = audit(absolute, fields(), by=("light",), conditions=Conditions(clusters="video"))
    assert found.table[0].n == 20 and found.verdict == "fail"


def test_a_run_on_its_folder(trained_run: Path, pasture_folder: Path) -> None:
    found = pw.audit(pw.load(trained_run), pasture_folder, by=("light",), split="all")
    assert found.table[0].value == pytest.approx(pw.evaluate(trained_run, pasture_folder, "all").mean_iou)
    assert found.data == "data, all images" and found.name == "unet"


def test_refusals(failed: Audit, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a report called something"):
        failed.save(tmp_path / "report.pdf")
    with pytest.raises(InputError, match="an attribute of the data"):
        audit(relative, fields(20), by=("height",))
    with pytest.raises(InputError, match="statistics of both models"):
        audit(failed.statistics, None, against=relative)
    with pytest.raises(InputError, match="a model for the probes to ask"):
        audit(failed.statistics, None, probes=(lambda *given: [],))
    assert isinstance(failed.statistics, Statistics)


def test_a_finding_tells_its_number_where_it_has_one() -> None:
    nan = float("nan")
    told = [Finding("probe", "It looks away.", number, lo, 0.5, 7, "note", "Look.").told for number, lo in
            ((0.25, 0.1), (0.25, nan), (nan, nan))]  # fmt: skip
    assert told == [
        "It looks away. Measured: 0.250 (0.100 to 0.500), n = 7.",
        "It looks away. Measured: 0.250, n = 7.",
        "It looks away.",
    ]
