"""What a detection run knows of the data it was trained on: its classes, and the boxes they usually have."""

from dataclasses import asdict, dataclass
from typing import Any

from pixelwise.data.detection.class_numbers import BACKGROUND
from pixelwise.inference.run_record import RunRecord

MOST_CLASSES = 100_000
"""As many as a data set may name; a damaged file should not make a network of millions of outputs."""


@dataclass(frozen=True)
class ObjectFacts:
    """The facts of a detection run.

    `classes` begins with the background. `category_ids` are the data set's own numbers of classes 1..K, which results
    are written with. `objects` counts the training objects of classes 1..K; `sides` are the mean height and width of
    the commonest class's boxes, from which the trivial baseline is made.
    """

    classes: tuple[str, ...]
    category_ids: tuple[int, ...]
    objects: tuple[int, ...]
    sides: tuple[float, float]

    @classmethod
    def of(cls, record: RunRecord) -> "ObjectFacts":
        """Those of a record that was read, and so checked."""
        facts = record.facts
        height, width = facts["sides"]
        return cls(
            tuple(facts["classes"]),
            tuple(facts["category_ids"]),
            tuple(facts["objects"]),
            (float(height), float(width)),
        )

    @property
    def commonest(self) -> int:
        """The label with the most training objects."""
        return 1 + max(range(len(self.objects)), key=lambda place: self.objects[place])

    def to_json(self) -> dict[str, Any]:
        """Plain values, for run.json."""
        return asdict(self)


def object_facts_fault(content: dict[str, Any]) -> str:
    """What in the fields of run.json no detection run could have written, or ""."""
    facts = content["facts"]
    names, ids, counts, sides = (facts.get(name) for name in ("classes", "category_ids", "objects", "sides"))
    if not _is_list(names, str) or not 2 <= len(names) <= MOST_CLASSES or names[0] != BACKGROUND:
        return f"facts with the classes {names!r:.100}"
    for name, values in (("category_ids", ids), ("objects", counts)):
        if not _is_list(values, int) or len(values) != len(names) - 1 or min(values) < 0:
            return f"facts with the {name} {values!r:.100} for {len(names) - 1} classes"
    if not _is_list(sides, int | float) or len(sides) != 2 or not all(0 <= side < float("inf") for side in sides):
        return f"facts with the sides {sides!r:.100}"
    return ""


def _is_list(value: Any, kind: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(each, kind) for each in value)
