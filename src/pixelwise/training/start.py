"""What any run starts from, checked before the first step: its folder, its data, and settings that stay the same."""

import dataclasses
import importlib.metadata
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pixelwise.data.faults import Fault
from pixelwise.errors import InputError
from pixelwise.inference.run_folder import read_record
from pixelwise.inference.run_record import Channels, RunRecord
from pixelwise.models.normalise import IMAGENET_MEAN, IMAGENET_STD
from pixelwise.models.starting_weights import is_published

PACKAGES = ("pixelwise", "torch", "lightning", "numpy")


@dataclasses.dataclass(frozen=True)
class DataSource:
    """Where a run's data is: the folder, and the files of classes, splits and attributes that are not its own."""

    root: Path
    classes: Path | None
    splits: Path | None
    attributes: Path | None = None

    def or_those_of(self, record: RunRecord) -> "DataSource":
        """The same, with the files that the run was started with where none are given."""
        return DataSource(
            self.root,
            self.classes or _path(record.data.get("classes_file")),
            self.splits or _path(record.data.get("splits_file")),
            self.attributes or _path(record.data.get("attributes_file")),
        )

    def noted(self, fingerprint: str) -> dict[str, str]:
        """What run.json keeps of it, beside a text that changes with the data."""
        given = {"classes_file": self.classes, "splits_file": self.splits, "attributes_file": self.attributes}
        return {"name": self.root.resolve().name, "fingerprint": fingerprint} | {
            name: str(path.resolve()) for name, path in given.items() if path is not None
        }


def _path(noted: object) -> Path | None:
    return Path(noted) if isinstance(noted, str) else None


def refuse_faults(root: Path, fatal: Sequence[Fault]) -> None:
    """Makes sure that the doctor found nothing that training must refuse.

    Raises:
        InputError: it did; the first three are named.
    """
    if fatal:
        listed = "; ".join(f"{fault.file}: {fault.found}" for fault in fatal[:3])
        raise InputError(
            f"a data set without fatal faults at {root}",
            f"{len(fatal)}: {listed}{' ...' if len(fatal) > 3 else ''}",
            f"see all of them, with what to do, by `pixelwise data check {root}`",
        )


def versions() -> dict[str, str]:
    """Those of Python and of the packages that decide the result."""
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in PACKAGES}


def check_free(run: Path) -> None:
    """Makes sure that a new run overwrites nothing.

    Raises:
        InputError: the folder holds something, or is a file.
    """
    if (run / "run.json").is_file():
        raise InputError(
            "a new folder for the run",
            f"{run}, which holds a run already",
            "choose another --out, or continue that run with --resume",
        )
    if run.is_file() or (run.is_dir() and any(run.iterdir())):
        raise InputError("a new folder for the run", f"{run}, which is there already", "choose another --out")


def scaling_of(weights: str) -> tuple[Channels, Channels] | None:
    """The scaling of images that trained weights expect; None where they do not say."""
    if not weights:
        return None
    if (Path(weights) / "run.json").is_file():
        trained = read_record(Path(weights))
        return trained.mean, trained.std
    return (IMAGENET_MEAN, IMAGENET_STD) if is_published(weights) else None


def check_same_settings(record: RunRecord, given: dict[str, Any]) -> None:
    """Makes sure that a run is continued as it was begun.

    Raises:
        InputError: a setting is given that differs; settings that are left away count as the same.
    """
    begun, asked = _flat(record.settings), _flat(given)
    changed = [f"{name} {begun.get(name)!r} -> {value!r}" for name, value in asked.items() if begun.get(name) != value]
    if changed:
        raise InputError(
            "the settings the run was started with",
            "; ".join(changed),
            "leave these options away with --resume, or start a new run",
        )


def check_same_files(record: RunRecord, fingerprint: str, root: Path) -> None:
    """Makes sure that a run is continued on the data it was begun on.

    Raises:
        InputError: other files, or another split.
    """
    if record.data.get("fingerprint") != fingerprint:
        raise InputError(
            f"the data the run was started on ({record.data.get('name')})",
            f"other files or another split at {root}",
            "restore the data, or start a new run",
        )


def _flat(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings of the recipe and of the model side by side; their names differ."""
    return {name: value for name, value in settings.items() if name != "model_settings"} | (
        settings.get("model_settings") or {}
    )
