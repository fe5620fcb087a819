"""Predictions of many files into a folder that can be continued, whatever the task."""

import hashlib
import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixelwise.errors import InputError
from pixelwise.files import write_text
from pixelwise.inference.detection_files import detection_files
from pixelwise.inference.flow_files import flow_files
from pixelwise.inference.inputs import Input, find_inputs
from pixelwise.inference.pair_inputs import find_pairs
from pixelwise.inference.predictor import Predictor
from pixelwise.inference.result_files import Progress, ResultFiles
from pixelwise.inference.segmentation_files import segmentation_files

CHOOSE = "choose another --out"

RESULT_FILES: dict[str, Callable[..., ResultFiles]] = {
    "segmentation": segmentation_files,
    "detection": detection_files,
    "flow": flow_files,
}
"""For each task the function of a predictor, and of options of its own, that says what its results are."""

FINDERS: dict[str, Callable[[Sequence[str | Path], Path | None], list[Input]]] = {"flow": find_pairs}
"""What paths on a command line mean to a task, where it is not `find_inputs`."""


@dataclass(frozen=True)
class Prediction:
    """What became of one input: the files written and what is to be told of them, or the reason why not."""

    source: Path
    files: tuple[Path, ...] = ()
    told: str = ""
    shares: dict[str, float] | None = None
    error: InputError | None = None
    kept: bool = False
    objects: int | None = None


def inputs_of(task: str, paths: Sequence[str | Path], out: Path | None = None) -> list[Input]:
    """What files, folders and lists mean to a task: images, or pairs of them.

    Raises:
        InputError: as `find_inputs` and `find_pairs`.
    """
    return FINDERS.get(task, find_inputs)(paths, out)


def predict_files(
    predictor: Predictor,
    inputs: Sequence[Input],
    out: Path,
    progress: Callable[[Input], Progress] | None = None,
    **options: Any,
) -> Iterator[Prediction]:
    """Predicts images one by one into `out`, and gives what became of each.

    Results that are there already from the same model and newer than their image are kept, so that an interrupted job
    continues. An image that cannot be read does not stop the others; its prediction carries the error.

    Args:
        predictor: the model; its task decides which files there are, see `RESULT_FILES`.
        inputs: images with the names of their results.
        out: the folder; made when missing.
        progress: makes the listener for each image's tiles.
        options: those of the task's own function in `RESULT_FILES`.

    Raises:
        InputError: `out` holds something else, or the images themselves, or predictions of another model; or an option
            that the task does not have.
    """
    results = result_files(predictor, options)
    for each in inputs:
        if any(source.resolve().is_relative_to(out.resolve()) for source in each.sources):
            raise InputError(
                "a folder for the predictions that does not hold the images", f"{each.path} in {out}", CHOOSE
            )
    claim_folder(out, predictor, results.noted)
    done = []
    for each in inputs:
        files = {ending: out / f"{each.name}{ending}" for ending in results.endings}
        written = tuple(files.values())
        if _newer(written, each.sources):
            done.append(each)
            yield Prediction(each.path, written, kept=True)
            continue
        try:
            outcome = results.write(each, files, progress(each) if progress else None)
        except InputError as error:
            yield Prediction(each.path, error=error)
            continue
        done.append(each)
        yield Prediction(each.path, written, outcome.told, outcome.shares, objects=outcome.objects)
    results.finish(out, done)


def result_files(predictor: Predictor, options: dict[str, Any]) -> ResultFiles:
    """The results that a predictor writes.

    Raises:
        InputError: options that its task does not have.
    """
    task = predictor.record.task
    function = RESULT_FILES[task]
    known = list(inspect.signature(function).parameters)[1:]
    unknown = [name for name in options if name not in known]
    if unknown:
        raise InputError(
            f"options for predictions of {task}: {', '.join(known)}", ", ".join(unknown), "leave the others away"
        )
    return function(predictor, **options)


def _newer(files: Sequence[Path], sources: Sequence[Path]) -> bool:
    """Whether all the files are there and were written after their sources, which are there too."""
    try:
        changed = max(source.stat().st_mtime_ns for source in sources)
        return all(file.stat().st_mtime_ns >= changed for file in files)
    except OSError:
        return False


def claim_folder(out: Path, predictor: Predictor, noted: Mapping[str, Any]) -> None:
    """Notes in predictions.json which model the folder's predictions come from, and what else they depend on.

    Raises:
        InputError: they come from another one, or `out` is a file or a folder with other things in it.
    """
    note = out / "predictions.json"
    model = {"model": predictor.record.model, "weights": weights_digest(predictor), **noted}
    if out.exists() and not out.is_dir():
        raise InputError("a folder for the predictions", f"the file {out}", CHOOSE)
    if note.is_file():
        try:
            found = json.loads(note.read_text(encoding="utf-8"))
        except (ValueError, RecursionError):
            found = None
        if found != model:
            raise InputError(f"predictions of this model in {out}", "those of another model", CHOOSE)
        return
    if out.is_dir() and any(out.iterdir()):
        raise InputError("an empty or new folder for the predictions", f"{out}, which holds other files", CHOOSE)
    write_text(note, json.dumps(model, indent=2) + "\n")


def weights_digest(predictor: Predictor) -> str:
    """A short text that differs between models: 64 bits of a hash over names and weights."""
    digest = hashlib.sha256()
    for name, tensor in sorted(predictor.network.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
