"""Spoiled annotation files end in an InputError or in sound boxes: no other error, no hang, no NaN, no flood of memory.

By default 1,500 files are spoiled, and 90 more by hypothesis, which makes a failing one small; with the mark `slow`
12,000 others and 12,000 more.
"""

import json
import random
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixelwise.data.detection.folder import list_detection, open_detection
from pixelwise.data.detection.repair import MIN_SIDE, repaired, sound_objects
from pixelwise.data.faults import Fault
from pixelwise.errors import InputError
from pixelwise.ops.run_lengths import rle_area
from references.detection_folders import coco_content, put_coco, put_images, voc_objects_text, voc_text, yolo_text
from references.mutations import spoiled_json, spoiled_numbers, spoiled_text

SECONDS = 5.0
"""For one file of a few kB, on a busy machine; usual are 2 ms."""

MEMORY = 512 * 1024
"""kB by which the whole process may grow."""

YAMLS = ("names: [cow, 'sheep']\n", "nc: 2\nnames:\n- cow\n- sheep # woolly\n", 'names:\n  0: cow\n  1: "sheep"\n')


def read_all(root: Path) -> str:
    """Reads everything as the doctor does and as training does; says how it ended."""
    try:
        folder = list_detection(root)
    except InputError as error:
        assert error.hint and str(error)
        return "refused as a whole"
    outcome = "sound"
    for item in folder.items:
        faults: list[Fault] = []
        try:
            reading = item.reading(faults)
        except InputError:
            outcome = "an item refused"
            continue
        objects, repairs = repaired(reading.objects, reading.names)
        assert all(str(fault).isprintable() or "\n" in str(fault) for fault in (*faults, *repairs))
        height, width = objects.size
        boxes = objects.boxes
        assert torch.isfinite(boxes).all() and (boxes >= 0).all()
        assert (boxes[:, 2] <= width).all() and (boxes[:, 3] <= height).all()
        assert (boxes[:, 2:] - boxes[:, :2] >= MIN_SIDE).all()
        assert ((objects.labels >= 1) & (objects.labels < len(folder.classes))).all()
        assert all(rle_area(mask) <= height * width for mask in objects.masks or ())
        if faults or repairs:
            outcome = "objects left out or mended"
        for read in (lambda item=item: item.objects, lambda item=item: sound_objects(item)):
            try:
                read()
            except InputError as error:
                assert error.hint
    try:
        open_detection(root, masks=False)
    except InputError as error:
        assert error.hint
    return outcome


def read_in_time(root: Path) -> str:
    start = time.process_time()
    outcome = read_all(root)
    assert time.process_time() - start < SECONDS
    return outcome


def spoil(count: int, seed: int, root: Path, layout: str) -> Counter[str]:
    write = SPOILERS[layout](root)
    outcomes: Counter[str] = Counter()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(count):
        write(random.Random(f"{seed} {number}"))
        outcomes[read_in_time(root)] += 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY
    return outcomes


Spoiler = Callable[[random.Random], None]
"""Writes a spoiled annotation file into a folder that is otherwise sound."""


def coco_spoiler(root: Path) -> Spoiler:
    content = coco_content()
    content["images"], content["annotations"] = content["images"][:2], content["annotations"][:4]
    put_coco(root, content)
    (root / "splits.csv").unlink()
    text = json.dumps(content)

    def write(draw: random.Random) -> None:
        new = spoiled_json(content, draw) if draw.random() < 0.6 else spoiled_text(text, draw)
        (root / "annotations.json").write_bytes(new)

    return write


def voc_spoiler(root: Path) -> Spoiler:
    put_images(root / "JPEGImages", ("a",))
    (root / "Annotations").mkdir()
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'

    def write(draw: random.Random) -> None:
        text = draw.choice(("", head)) + voc_text(voc_objects_text(), draw.choice((None, (40, 60))))
        spoiled = draw.choice((spoiled_text, spoiled_numbers, spoiled_numbers))
        (root / "Annotations" / "a.xml").write_bytes(spoiled(text, draw))

    return write


def yolo_spoiler(root: Path) -> Spoiler:
    put_images(root / "images", ("a",))
    (root / "labels").mkdir()

    def write(draw: random.Random) -> None:
        names = draw.choice(YAMLS)
        spoil_names = draw.random() < 0.3
        (root / "data.yaml").write_bytes(spoiled_text(names, draw) if spoil_names else names.encode())
        (root / "labels" / "a.txt").write_bytes(spoiled_text(yolo_text(), draw))

    return write


@pytest.fixture
def quick_folder() -> Iterator[Path]:
    """A folder in memory where the system has one: thousands of files are written and read."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


SPOILERS = {"coco": coco_spoiler, "voc": voc_spoiler, "yolo": yolo_spoiler}


@pytest.mark.parametrize("layout", SPOILERS)
def test_hundreds_of_spoiled_files_end_in_an_input_error_or_in_sound_boxes(layout: str, quick_folder: Path) -> None:
    outcomes = spoil(500, 1, quick_folder, layout)
    assert outcomes.total() == 500
    assert len(outcomes) >= 3, f"the mutations hit too little: {outcomes}"


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("layout", SPOILERS)
def test_thousands_of_spoiled_files_end_in_an_input_error_or_in_sound_boxes(layout: str, quick_folder: Path) -> None:
    outcomes = spoil(4000, 2, quick_folder, layout)
    print(layout, dict(outcomes))
    assert outcomes.total() == 4000


def searched(layout: str, root: Path, most: int) -> int:
    """Lets hypothesis spoil files, each choice being its own; how many it read."""
    write, read = SPOILERS[layout](root), Counter[str]()

    @settings(max_examples=most, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.randoms(use_true_random=False))
    def holds(draw: random.Random) -> None:
        write(draw)
        read[read_in_time(root)] += 1

    holds()
    return read.total()


@pytest.mark.parametrize("layout", SPOILERS)
def test_hypothesis_finds_no_file_that_ends_otherwise(layout: str, quick_folder: Path) -> None:
    assert searched(layout, quick_folder, 30) >= 30


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("layout", SPOILERS)
def test_hypothesis_finds_none_among_thousands(layout: str, quick_folder: Path) -> None:
    count = searched(layout, quick_folder, 4000)
    print(layout, count)
    assert count >= 4000
