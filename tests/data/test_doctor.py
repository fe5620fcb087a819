"""The doctor: a sound folder has no fault; every planted fault is found, alone, with its file and its fix."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixelwise.data import Fault, examine, write_label_map
from pixelwise.errors import InputError
from references.sample_files import pillow_file, smooth, tiff_file, turned_jpeg
from references.sample_folders import put_image, put_labels, put_pairs


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """Three images to train and two to test, all classes everywhere."""
    root = tmp_path / "set"
    put_pairs(root / "train/images", root / "train/labels", "a b c")
    put_pairs(root / "val/images", root / "val/labels", "d e", seed=3)
    (root / "classes.txt").write_text("ground\nanimal\n")
    return root


def test_a_sound_folder_has_no_fault_and_its_pixels_are_counted(sound: Path):
    calls: list[tuple[int, int]] = []
    diagnosis = examine(sound, progress=lambda done, total: calls.append((done, total)))
    assert diagnosis.faults == ()
    assert (diagnosis.images, diagnosis.splits) == (5, {"train": 3, "val": 2})
    assert diagnosis.class_pixels == {"train": {"ground": 288, "animal": 288}, "val": {"ground": 192, "animal": 192}}
    assert calls == [(done, 5) for done in range(1, 6)]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def overwrite(path: Path, content: bytes) -> None:
    path.write_bytes(content)


IMAGE, LABELS = "train/images/b.png", "train/labels/b.png"
GRAY = smooth(12, 16, 1, np.uint8)

FAULTS = {
    "truncated image": (lambda root: cut(root / IMAGE), "fatal unreadable-image", IMAGE, "image file is truncated"),
    "truncated labels": (lambda root: cut(root / LABELS), "fatal unreadable-labels", LABELS, "cut off or damaged"),
    "empty image": (lambda root: overwrite(root / IMAGE, b""), "fatal empty-file", IMAGE, "empty (0 bytes)"),
    "empty labels": (lambda root: overwrite(root / LABELS, b""), "fatal empty-file", LABELS, "empty (0 bytes)"),
    "text as image": (lambda root: overwrite(root / IMAGE, b"hello"), "fatal unreadable-image", IMAGE, "b'hell'"),
    "size": (
        lambda root: put_labels(root / LABELS, height=12, width=17),
        "fatal size-mismatch",
        IMAGE,
        "the image is 12x16, its label map 12x17",
    ),
    "values": (
        lambda root: put_labels(root / LABELS, (0, 1, 7)),
        "fatal label-values",
        LABELS,
        "label values of no class: 7 in 64 pixels (classes: 0 ground, 1 animal; ignore: 255)",
    ),
    "no label map": (lambda root: (root / LABELS).unlink(), "fatal missing-label", IMAGE, "no label map"),
    "no image": (lambda root: (root / IMAGE).unlink(), "warning label-without-image", LABELS, "without an image"),
    "floats": (
        lambda root: overwrite(root / LABELS, tiff_file(GRAY.astype(np.float32))),
        "fatal label-type",
        LABELS,
        "values of float32",
    ),
    "colours": (
        lambda root: overwrite(root / LABELS, pillow_file(smooth(12, 16, 3, np.uint8), "PNG")),
        "fatal label-type",
        LABELS,
        "an RGB picture",
    ),
    "jpeg labels": (
        lambda root: overwrite(root / LABELS, pillow_file(GRAY, "JPEG")),
        "fatal label-type",
        LABELS,
        "JPEG",
    ),
    "one class": (
        lambda root: put_labels(root / LABELS, (1, 255)),
        "warning one-class",
        LABELS,
        "every labelled pixel is animal",
    ),
    "only ignore": (lambda root: put_labels(root / LABELS, (255,)), "warning only-ignore", LABELS, "means ignore"),
    "copied to val": (
        lambda root: overwrite(root / "val/images/e.png", (root / IMAGE).read_bytes()),
        "fatal duplicate-across-splits",
        "val/images/e.png",
        "the same picture as train/images/b.png, which is in train, while this one is in val",
    ),
    "copied in train": (
        lambda root: overwrite(root / "train/images/c.png", (root / IMAGE).read_bytes()),
        "warning duplicate",
        "train/images/c.png",
        "the same picture as train/images/b.png",
    ),
    "blank": (
        lambda root: overwrite(root / IMAGE, pillow_file(GRAY * 0 + 9, "PNG")),
        "warning blank-image",
        IMAGE,
        "every value is 9",
    ),
    "bad scale": (
        lambda root: overwrite(root / IMAGE, tiff_file(GRAY.astype(np.float32))),
        "fatal image-values",
        IMAGE,
        "floats with values from",
    ),
    "two stems": (
        lambda root: put_image(root / "train/images/b.bmp", 8),
        "warning same-stem",
        IMAGE,
        "b.bmp has the same name",
    ),
    "two label maps": (
        lambda root: write_label_map(root / "train/labels/b.tif", np.tile([[0, 1]], (12, 8))),
        "warning two-label-maps",
        IMAGE,
        "b.png, b.tif; the first is used",
    ),
    "strange file": (
        lambda root: overwrite(root / "train/images/b.webp", b""),
        "warning other-file",
        "train/images/b.webp",
        "left out",
    ),
    "unknown class": (
        lambda root: overwrite(root / "classes.txt", b"ground\nanimal\nwater\n"),
        "warning empty-class",
        "set",
        "no pixel is labelled water",
    ),
    "class file": (
        lambda root: overwrite(root / "classes.txt", b"ground\n0 animal\n"),
        "fatal classes-file",
        "classes.txt line 2",
        "0, taken by line 1",
    ),
    "stray attributes": (
        lambda root: overwrite(root / "attributes.csv", b"file,light\na,1\nb,1\nc,1\nd,1\ne,1\nz,1\n"),
        "warning attributes-without-image",
        "attributes.csv line 7",
        "no image is called z",
    ),
    "lacking attributes": (
        lambda root: overwrite(root / "attributes.csv", b"file,light\na,1\nc,1\nd,1\ne,1\n"),
        "warning no-attributes",
        IMAGE,
        "no row in attributes.csv",
    ),
    "broken attributes": (
        lambda root: overwrite(root / "attributes.csv", b"file,light\na,1,2\n"),
        "fatal attributes-file",
        "attributes.csv line 2",
        "at most 2 columns",
    ),
    "broken attribute encoding": (
        lambda root: overwrite(root / "attributes.csv", b"file,light\n\xff,1\n"),
        "fatal attributes-file",
        "attributes.csv",
        "another encoding",
    ),
}


def only(faults: tuple[Fault, ...]) -> Fault:
    assert len(faults) == 1, [str(fault) for fault in faults]
    return faults[0]


@pytest.mark.parametrize("name", FAULTS)
def test_each_planted_fault_is_found_alone(sound: Path, name: str):
    spoil, kind, file, words = FAULTS[name]
    spoil(sound)
    diagnosis = examine(sound)
    fault = only(tuple(found for found in diagnosis.faults if found.kind != "wrong-suffix"))
    assert (f"{fault.severity} {fault.kind}", fault.file) == (kind, file)
    assert words in fault.found
    assert str(sound.parent) not in fault.found
    assert len(fault.fix) > 10
    assert (fault in diagnosis.fatal) == kind.startswith("fatal")
    assert (fault in diagnosis.warnings) == kind.startswith("warning")
    assert str(fault) == f"{fault.severity}: {file}: {fault.found} [{fault.kind}]\n  fix: {fault.fix}"


def test_traits_of_readable_images_are_warnings(sound: Path):
    colour = smooth(12, 16, 3, np.uint8, 50)
    overwrite(sound / IMAGE, pillow_file(Image.fromarray(colour).convert("CMYK"), "JPEG"))
    overwrite(sound / "train/images/c.png", tiff_file(np.stack([GRAY, GRAY]), photometric="minisblack"))
    found = {(fault.kind, fault.file) for fault in examine(sound).warnings}
    assert found == {
        ("wrong-suffix", IMAGE),
        ("cmyk", IMAGE),
        ("wrong-suffix", "train/images/c.png"),
        ("more-pages", "train/images/c.png"),
    }
    assert examine(sound).fatal == ()


def test_exif_rotation_is_fatal_only_where_the_labels_lie_as_stored(sound: Path):
    (sound / IMAGE).unlink()
    overwrite(sound / "train/images/b.jpg", turned_jpeg(smooth(12, 16, 3, np.uint8, 60), 6))
    fault = only(examine(sound).faults)
    assert (fault.severity, fault.kind, fault.file) == ("fatal", "exif-rotation", "train/images/b.jpg")
    assert fault.found == "EXIF orientation 6 turns it to 16x12, its label map is 12x16, as the image is stored"
    put_labels(sound / LABELS, height=16, width=12)
    fault = only(examine(sound).faults)
    assert (fault.severity, fault.kind) == ("warning", "exif-rotation")


def test_a_class_that_is_tested_but_never_trained(sound: Path):
    (sound / "classes.txt").write_text("ground\nanimal\nwater\n")
    put_labels(sound / "val/labels/d.png", (0, 1, 2))
    fault = only(examine(sound).faults)
    assert (fault.severity, fault.kind, fault.found) == (
        "warning",
        "unseen-class",
        "water is in val and never in train",
    )


def test_an_image_much_smaller_than_the_others(sound: Path):
    put_image(sound / IMAGE, 70, height=2, width=3)
    put_labels(sound / LABELS, height=2, width=3)
    fault = only(examine(sound).faults)
    assert (fault.kind, fault.file, fault.found) == ("small-image", IMAGE, "6 pixels, the median image has 192")


def test_gray_saved_as_gray_or_colour_is_the_same_picture(sound: Path):
    overwrite(sound / IMAGE, pillow_file(GRAY, "PNG"))
    overwrite(sound / "val/images/d.png", pillow_file(np.stack([GRAY] * 3, -1), "PNG"))
    assert only(examine(sound).faults).kind == "duplicate-across-splits"


def test_blank_images_in_two_splits_are_no_leak(sound: Path):
    for file in (IMAGE, "val/images/d.png"):
        overwrite(sound / file, pillow_file(GRAY * 0, "PNG"))
    assert [fault.kind for fault in examine(sound).faults] == ["blank-image", "blank-image"]


def test_faults_of_a_splits_file(tmp_path: Path):
    put_pairs(tmp_path / "images", tmp_path / "labels", "a b c")
    (tmp_path / "splits.csv").write_text("file,split\na,train\nnone,val\nb,train\na,val\n")
    found = [(fault.severity, fault.kind, fault.file) for fault in examine(tmp_path).faults]
    assert found == [
        ("fatal", "split-without-image", "splits.csv line 3"),
        ("fatal", "split-twice", "splits.csv line 5"),
        ("warning", "unlisted", "images/c.png"),
    ]


def test_masks_of_0_and_255_ask_for_a_classes_file(tmp_path: Path):
    put_image(tmp_path / "images/a.png", 0)
    put_labels(tmp_path / "labels/a.png", (0, 255))
    diagnosis = examine(tmp_path)
    fault = only(diagnosis.faults)
    assert (fault.severity, fault.kind, fault.file) == ("fatal", "no-classes", "classes.txt")
    assert "`255 object`" in fault.fix
    assert diagnosis.classes is None


def test_a_folder_that_is_none_is_an_error(tmp_path: Path):
    with pytest.raises(InputError, match="where there is nothing"):
        examine(tmp_path / "none")
    with pytest.raises(InputError, match="a folder of images beside"):
        examine(tmp_path)
    put_pairs(tmp_path / "images", tmp_path / "labels", "a")
    with pytest.raises(InputError, match=r"an existing classes file, got .*none.txt"):
        examine(tmp_path, classes=tmp_path / "none.txt")


@pytest.mark.data
def test_real_data_sets_are_sound(real_data: Path, tmp_path: Path):
    classes = tmp_path / "classes.txt"
    classes.write_text(
        "Sky Building Pole Road Pavement Tree SignSymbol Fence Car Pedestrian Bicyclist ignore".replace(" ", "\n")
    )
    camvid = examine(real_data / "camvid", classes)
    assert camvid.faults == ()
    assert camvid.splits == {"train": 92, "val": 26}
    pixels = camvid.class_pixels["train"]
    total = 92 * 360 * 480
    # Shares as measured when the data were staged, to three digits; void is 3.8 %.
    assert pixels["Sky"] / sum(pixels.values()) == pytest.approx(0.176, abs=0.001)
    assert 1 - sum(pixels.values()) / total == pytest.approx(0.038, abs=0.001)
    classes.write_text("0 membrane\n255 interior\n")
    membranes = examine(real_data / "isbi2012_em", classes)
    assert membranes.faults == ()
    assert membranes.class_pixels["train"]["interior"] / (20 * 512 * 512) == pytest.approx(0.77, abs=0.02)
