"""What of a run depends on its task: the facts in run.json, and what the catalog's builder is told of the data."""

from collections.abc import Callable
from typing import Any, NamedTuple

from pixelwise.inference.object_facts import ObjectFacts, object_facts_fault
from pixelwise.inference.run_record import RunRecord


class RunTask(NamedTuple):
    """One task's part in reading a run.

    `fault`: what in the fields of run.json no run of this task could have written, or "". `arguments`: what the
    catalog's builder takes before the model's settings.
    """

    fault: Callable[[dict[str, Any]], str]
    arguments: Callable[[RunRecord], tuple[Any, ...]]


def _label_map_fault(content: dict[str, Any]) -> str:
    if content["classes"] is None:
        return "no classes"
    pixels, classes = content["class_pixels"], len(content["classes"].names)
    if len(pixels) != classes or not all(isinstance(each, int) and each >= 0 for each in pixels):
        return f"class_pixels {pixels} for {classes} classes"
    return ""


def _label_map_classes(record: RunRecord) -> tuple[Any, ...]:
    assert record.classes is not None, "_label_map_fault has looked"
    return (len(record.classes.names),)


RUN_TASKS: dict[str, RunTask] = {
    "segmentation": RunTask(_label_map_fault, _label_map_classes),
    "flow": RunTask(lambda _: "", lambda _: ()),
    "detection": RunTask(object_facts_fault, lambda record: (len(ObjectFacts.of(record).classes),)),
}
