"""A folder holds what the scenes hold, goes on where it stopped, and overwrites nothing."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixelwise.data.formats.flo import read_flo
from pixelwise.data.pasture import Knobs, render, write_folder
from pixelwise.errors import InputError
from pixelwise.ops.run_lengths import decode_mask

KNOBS = Knobs(size=(40, 48), objects=(0, 3), words=0.3)
IMAGES = 5


def contents(root: Path) -> dict[str, bytes]:
    """Every file with its bytes."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pasture") / "data"
    write_folder(root, KNOBS, IMAGES, seed=3)
    return root


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_pictures_and_flow_are_those_of_the_scenes(written: Path) -> None:
    for index in range(IMAGES):
        scene, name = render(KNOBS, 3, index), f"{index:06d}"
        for kind, expected in (
            ("images", scene.image),
            ("second", scene.second),
            ("labels", scene.labels),
            ("instances", scene.instances),
            ("occlusion", scene.occlusion * np.uint8(255)),
        ):
            with Image.open(written / kind / f"{name}.png") as picture:
                np.testing.assert_array_equal(np.asarray(picture), expected)
        assert read_flo(written / "flow" / f"{name}.flo").tobytes() == scene.flow.tobytes()
    with (
        Image.open(written / "labels" / "000000.png") as labels,
        Image.open(written / "instances" / "000000.png") as ids,
    ):
        assert (labels.mode, ids.mode) == ("P", "I;16")


def test_annotations_hold_the_masks(written: Path) -> None:
    content = json.loads((written / "annotations.json").read_text())
    assert [category["name"] for category in content["categories"]] == ["cow", "camel", "sheep", "horse"]
    assert [image["file_name"] for image in content["images"]] == [f"{index:06d}.png" for index in range(IMAGES)]
    assert [one["id"] for one in content["annotations"]] == list(range(1, len(content["annotations"]) + 1))
    for index in range(IMAGES):
        scene = render(KNOBS, 3, index)
        own = [one for one in content["annotations"] if one["image_id"] == index]
        assert [one["category_id"] for one in own] == scene.classes.tolist()
        for number, one in enumerate(own, start=1):
            np.testing.assert_array_equal(decode_mask(one["segmentation"]), scene.instances == number)
            x, y, width, height = one["bbox"]
            assert [x, y, x + width, y + height] == scene.boxes[number - 1].tolist()
            assert one["area"] == (scene.instances == number).sum()


def test_tables_and_classes(written: Path) -> None:
    assert (written / "classes.txt").read_text() == "0 background\n1 cow\n2 camel\n3 sheep\n4 horse\n"
    table = rows(written / "attributes.csv")
    assert next(iter(table[0])) == "file"
    for index, row in enumerate(table):
        scene = render(KNOBS, 3, index)
        expected = {"file": f"{index:06d}.png", **scene.attributes, "caption": scene.caption}
        assert row == {name: str(value) for name, value in expected.items()}
    assert [row["file"] for row in rows(written / "splits.csv")] == [row["file"] for row in table]
    description = json.loads((written / "pasture.json").read_text())
    assert (description["seed"], description["images"], description["knobs"]["size"]) == (3, IMAGES, [40, 48])


def test_progress_counts_to_the_end(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    write_folder(tmp_path / "new" / "deep", KNOBS, 3, 0, lambda done, total: calls.append((done, total)))
    assert calls == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("stop", [1, 4])
def test_a_stopped_run_goes_on_and_ends_with_the_same_files(tmp_path: Path, written: Path, stop: int) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == stop:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_folder(tmp_path, KNOBS, IMAGES, 3, interrupt)
    assert not (tmp_path / "annotations.json").exists()
    (tmp_path / "flow" / "000000.flo").unlink()
    (tmp_path / "images" / ".part-left.png").write_bytes(b"half")
    kept = (tmp_path / "images" / "000000.png").stat().st_mtime_ns
    write_folder(tmp_path, KNOBS, IMAGES, 3)
    assert (tmp_path / "images" / "000000.png").stat().st_mtime_ns == kept
    assert contents(tmp_path) == contents(written)


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(OSError, match="No space left"):
        write_folder(tmp_path, KNOBS, 2, 0)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["pasture.json"]


def test_a_complete_folder_is_not_touched(written: Path) -> None:
    before = contents(written)
    with pytest.raises(InputError, match="which is complete"):
        write_folder(written, KNOBS, IMAGES, 3)
    assert contents(written) == before


def test_a_strange_folder_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match=r"an empty folder for the images, got .* with thesis\.txt"):
        write_folder(tmp_path, KNOBS, 2, 0)
    assert contents(tmp_path) == {"thesis.txt": b"mine"}


@pytest.mark.parametrize(
    ("knobs", "images", "seed", "text"),
    [
        (Knobs(size=(40, 48)), 5, 3, "objects [0, 3] instead of [1, 3]"),
        (KNOBS, 6, 3, "images 5 instead of 6"),
        (KNOBS, 5, 4, "seed 3 instead of 4"),
    ],
)
def test_an_unfinished_folder_of_other_settings_is_refused(
    tmp_path: Path, written: Path, knobs: Knobs, images: int, seed: int, text: str
) -> None:
    (tmp_path / "pasture.json").write_bytes((written / "pasture.json").read_bytes())
    with pytest.raises(InputError) as caught:
        write_folder(tmp_path, knobs, images, seed)
    assert text in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"knobs": 3}', b"\xff\xfe", b"[" * 5000])
def test_a_damaged_description_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "pasture.json").write_bytes(content)
    with pytest.raises(InputError, match=r"pasture\.json, which is damaged"):
        write_folder(tmp_path, KNOBS, 2, 0)


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(InputError, match="which is a file"):
        write_folder(tmp_path / "data", KNOBS, 2, 0)


@pytest.mark.parametrize("images", [0, -3, 1_000_000, True])
def test_the_number_of_images_is_checked_before_anything_is_written(tmp_path: Path, images: int) -> None:
    with pytest.raises(InputError, match=r"1\.\.999999 images"):
        write_folder(tmp_path / "data", KNOBS, images, 0)
    assert not (tmp_path / "data").exists()


def test_a_negative_seed_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="seed, got -1"):
        write_folder(tmp_path / "data", KNOBS, 2, -1)
    assert not (tmp_path / "data").exists()
