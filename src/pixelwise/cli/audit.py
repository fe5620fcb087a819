"""pixelwise audit: whom does a trained model fail, and may it ship?"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from pixelwise.audits import Audit, Conditions, read_conditions
from pixelwise.audits import audit as audit_model
from pixelwise.audits.audit import Probe
from pixelwise.audits.findings import Verdict
from pixelwise.audits.sample_sets import sample_set
from pixelwise.audits.shortcuts import background_probe
from pixelwise.cli.screen import note, progress_bar, wrote
from pixelwise.drawing import number_text
from pixelwise.errors import InputError
from pixelwise.files import write_text
from pixelwise.inference import load

CODES: Mapping[Verdict, int] = {"pass": 0, "fail": 3, "inconclusive": 4}

PROBES: Mapping[str, Callable[[], Probe]] = {"background": background_probe}

Probes = Annotated[list[Literal["background"]], Parameter(name="--probe", negative="")]
Columns = Annotated[list[str], Parameter(negative="")]


def audit(
    run: Path,
    data: Path,
    /,
    *,
    out: Path = Path("audit"),
    by: Columns | None = None,
    margin: float | None = None,
    conditions: Path | None = None,
    against: Path | None = None,
    probes: Probes | None = None,
    split: str | None = None,
    attributes: Path | None = None,
    fail_on_inconclusive: bool | None = None,
) -> int:
    """Judge a trained model by groups of images, with intervals, and write a report to look at.

    Exits with 0 if it passes, 3 if it fails, 4 if the images are too few to tell.

    Example: pixelwise audit run my_images --by light --by background --margin 0.05 --out audit

    Parameters
    ----------
    run
        A run folder made by `pixelwise train`.
    data
        A folder of images with their truth.
    out
        Folder for report.html, report.json, report.csv, model_card.md and statistics.npz.
    by
        Attribute whose groups are judged; may be given several times; light*background crosses two. Besides the
        columns of attributes.csv: brightness, sharpness, object_size, object_position, motion.
    margin
        The gap between a group and all other images that does not matter (0.05; 0.5 pixels for motion).
    conditions
        TOML file of conditions, such as: by = ["light"], margin = 0.05, alpha = 0.05, minimum = 10.
    against
        An older run, than which this one must not be worse on any group.
    probes
        Further questions: background puts each object before other backgrounds; may be given several times.
    split
        Which part of the data, or all; default: test, else val, else all.
    attributes
        CSV of attributes, keyed by file name in its first column.
    fail_on_inconclusive
        Whether too few images to tell keep the model from passing (yes, unless the conditions say otherwise).
    """
    _check_folder(out)
    settings = Conditions() if conditions is None else read_conditions(conditions)
    if margin is not None:
        settings = replace(settings, margin=margin)
    if fail_on_inconclusive is not None:
        settings = replace(settings, fail_on_inconclusive=fail_on_inconclusive)
    model, old = load(run), None if against is None else load(against)
    asked = tuple(PROBES[name]() for name in probes or ())
    with progress_bar("images") as progress:
        samples = sample_set(model, data, split, attributes)
        found = audit_model(model, samples, by or (), settings, None, old, asked, progress)
    found.save(out / "report.html")
    write_text(out / "model_card.md", found.model_card())
    found.statistics.save(out / "statistics.npz")
    _show(found)
    wrote(out / "report.html", f"pixelwise evaluate {run} {data}   (all scores)")
    return 0 if found.passed else CODES[found.verdict]


def _show(found: Audit) -> None:
    """The findings, and every group that is not fine."""
    for finding in found.findings:
        note(f"{finding.verdict:<12}  {finding.told}")
    for row in (*found.table, *found.changes):
        if row.decision not in ("", "pass"):
            ends = f"{number_text(row.gap_lo)} to {number_text(row.gap_hi)}"
            needed = f"; about {row.needed} units needed" if row.needed else ""
            note(f"  {row.name}: {row.metric} gap {number_text(row.gap)} ({ends}), {row.decision}{needed}")
    note(f"{len(found.statistics)} images; verdict: {found.verdict}")


def _check_folder(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise InputError("a folder for the report", f"the file {out}", "choose another --out")
    if (out / "run.json").exists():
        raise InputError("a folder of its own for the report", f"the run folder {out}", "choose another --out")
