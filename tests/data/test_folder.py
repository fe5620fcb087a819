"""Folders: every layout, split file and attributes table gives the same items; faults name file and line."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from pixelwise.data import SegmentationFolder, fingerprint, open_folder, read_image, read_label_map
from pixelwise.data.faults import relative
from pixelwise.errors import InputError
from references.sample_folders import put_image, put_labels, put_pairs


def listed(folder: SegmentationFolder) -> list[tuple[str, str, str]]:
    """Name, split, and the label map below the root."""
    root = folder.root
    return [(item.name, item.split, relative(item.labels, root) if item.labels else "") for item in folder.items]


def test_images_beside_labels_with_any_suffix_and_ending(tmp_path: Path):
    put_image(tmp_path / "Images/deep/a.jpg", 0)
    put_image(tmp_path / "Images/b.png", 1)
    put_image(tmp_path / "Images/c.png", 2)
    put_image(tmp_path / "Images/d.png", 3)
    put_labels(tmp_path / "masks/deep/a.png")
    put_labels(tmp_path / "masks/b_mask.png")
    put_labels(tmp_path / "masks/c_label.png")
    (tmp_path / "Images/.hidden.png").write_bytes(b"")
    (tmp_path / "Images/notes.txt").write_text("hello")
    folder = open_folder(tmp_path)
    assert listed(folder) == [
        ("b.png", "train", "masks/b_mask.png"),
        ("c.png", "train", "masks/c_label.png"),
        ("d.png", "train", ""),
        ("deep/a.jpg", "train", "masks/deep/a.png"),
    ]
    assert folder.classes.names == ("class 0", "class 1")
    assert pickle.loads(pickle.dumps(folder)) == folder


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("train/images", "train/labels"),
        ("train/img", "train/mask"),
        ("train", "trainannot"),
        ("images/train", "labels/train"),
    ],
)
def test_folders_that_name_their_split(tmp_path: Path, images: str, labels: str):
    put_pairs(tmp_path / images, tmp_path / labels, "a b")
    valid = "valid" if "annot" not in labels else "val"
    put_pairs(tmp_path / images.replace("train", valid), tmp_path / labels.replace("train", valid), "a", seed=9)
    folder = open_folder(tmp_path)
    assert folder.splits == ("train", "val")
    assert [item.name.removeprefix("train/") for item in folder.only("train").items] == ["a.png", "b.png"]
    assert [item.image for item in folder.only("val").items] == [tmp_path / images.replace("train", valid) / "a.png"]


def test_only_names_the_splits_there_are(tmp_path: Path):
    put_pairs(tmp_path / "images", tmp_path / "labels", "a b")
    with pytest.raises(InputError, match=r": train, got 'val'\nhint: add val/ or a splits.csv"):
        open_folder(tmp_path).only("val")


def test_a_splits_file_in_all_its_forms(tmp_path: Path):
    root = tmp_path / "set"
    put_pairs(root / "images", root / "labels", "a b c d")
    expected = ["test", "train", "val", "unlisted"]
    given = tmp_path / "given.csv"
    given.write_text("file,split\na.png,test\nb,train\nimages/c.png,validation\n")
    assert [item.split for item in open_folder(root, splits=given).items] == expected
    for name, files in (("train", "b\n"), ("val", "c.png\n"), ("test", "# first\na.png\n")):
        (root / f"{name}.txt").write_text(files)
    assert [item.split for item in open_folder(root).items] == expected
    assert [item.split for item in open_folder(root, splits=root).items] == expected
    (root / "splits.csv").write_text("file,split\r\na,extra\r\nb,train\r\nc,train\r\nd,train\r\n")
    assert open_folder(root).splits == ("train", "extra")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file,split\na,train\nnone.png,val\n", r"splits.csv line 3: no image is called none.png"),
        ("file,split\na,train\na.png,val\n", r"splits.csv line 3: a.png again, after .*line 2"),
        ("file,split\na,\n", r"line 2: a,"),
        ("name,part\na,train\n", r"the columns file,split"),
        ("file,split\na,train,now\n", r"line 2: 3 \(wanted at most 2 columns, as in the first line\)"),
        ("file,split\n,train\n", r"line 2: none"),
        ('file,split\n"a,train\n', r"line 2: unexpected end of data"),
        ("", r"empty"),
    ],
)
def test_faults_of_the_splits_file_name_the_line(tmp_path: Path, text: str, words: str):
    put_pairs(tmp_path / "images", tmp_path / "labels", "a b")
    (tmp_path / "splits.csv").write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        open_folder(tmp_path)
    assert "splits.csv" in str(caught.value)


def test_attributes_by_name_stem_or_path(tmp_path: Path):
    put_pairs(tmp_path / "images", tmp_path / "labels", "a b c d")
    text = 'id,light,note\na,dark,"two\nlines"\nb.png,bright\nimages/c.png,"x, y",\n'
    (tmp_path / "index.csv").write_text(text)
    found = [dict(item.attributes) for item in open_folder(tmp_path).items]
    assert found == [
        {"light": "dark", "note": "two\nlines"},
        {"light": "bright", "note": ""},
        {"light": "x, y", "note": ""},
        {"light": "", "note": ""},
    ]
    other = tmp_path / "other.csv"
    other.write_text("file,site\nz.png,3\na.png,4\n")  # rows about other images do no harm
    assert open_folder(tmp_path, attributes=other).items[0].attributes == {"site": "4"}


def test_one_name_in_two_splits_must_be_told_apart(tmp_path: Path):
    put_pairs(tmp_path / "train/images", tmp_path / "train/labels", "a")
    put_pairs(tmp_path / "val/images", tmp_path / "val/labels", "a")
    (tmp_path / "attributes.csv").write_text("file,light\na.png,dark\n")
    with pytest.raises(InputError, match=r"line 2: a.png may be train/images/a.png, val/images/a.png"):
        open_folder(tmp_path)
    (tmp_path / "attributes.csv").write_text("file,light\ntrain/a.png,dark\nval/images/a,bright\n")
    assert [item.attributes["light"] for item in open_folder(tmp_path).items] == ["dark", "bright"]


def test_paths_that_cannot_be_opened(tmp_path: Path):
    with pytest.raises(InputError, match="where there is nothing"):
        open_folder(tmp_path / "none")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="where there is a file"):
        open_folder(tmp_path / "file")
    with pytest.raises(InputError, match=r"a folder of images beside .* with file") as caught:
        open_folder(tmp_path)
    assert "DIR/images" in caught.value.hint
    (tmp_path / "images").mkdir()
    with pytest.raises(InputError, match="at least one PNG, JPEG, BMP or TIFF image, got none in"):
        open_folder(tmp_path)
    put_pairs(tmp_path / "images", tmp_path / "labels", "a")
    for name in ("classes", "splits", "attributes"):
        with pytest.raises(InputError, match=r"nowhere.csv"):
            open_folder(tmp_path, **{name: tmp_path / "nowhere.csv"})


def test_the_fingerprint_follows_files_and_splits_and_nothing_else(tmp_path: Path):
    root = tmp_path / "one"
    put_pairs(root / "images", root / "labels", "a b")
    before = fingerprint(open_folder(root))
    assert len(before) == 12
    shutil.copytree(root, tmp_path / "two")
    assert fingerprint(open_folder(tmp_path / "two")) == before
    (root / "splits.csv").write_text("file,split\na,train\nb,val\n")
    moved = fingerprint(open_folder(root))
    folder = open_folder(root)
    put_pairs(root / "images", root / "labels", "c")
    (root / "splits.csv").unlink()
    assert len({before, moved, fingerprint(open_folder(root))}) == 3
    (root / "images/a.png").unlink()
    with pytest.raises(InputError, match=r"still there, got .*a.png: No such file"):
        fingerprint(folder)


@pytest.mark.data
def test_camvid_with_void_ignored(real_data: Path, tmp_path: Path):
    classes = tmp_path / "classes.txt"
    names = "Sky Building Pole Road Pavement Tree SignSymbol Fence Car Pedestrian Bicyclist ignore"
    classes.write_text("\n".join(names.split()))
    folder = open_folder(real_data / "camvid", classes, attributes=real_data / "camvid/train.csv")
    assert folder.splits == ("train", "val")
    assert (len(folder.only("train").items), len(folder.only("val").items)) == (92, 26)
    assert sum(item.attributes["sequence"] == "0001TP" for item in folder.items) == 16
    item = folder.items[0]
    assert item.labels is not None
    ids = folder.classes.encode(read_label_map(item.labels), item.name)
    assert set(np.unique(ids)) <= {*range(11), 255}
    assert read_image(item.image).shape == (3, 360, 480)


@pytest.mark.data
def test_isbi_and_nuclei(real_data: Path, tmp_path: Path):
    with pytest.raises(InputError, match="got 0, 255"):
        open_folder(real_data / "isbi2012_em")
    (tmp_path / "em.txt").write_text("0 membrane\n255 interior\n")
    folder = open_folder(real_data / "isbi2012_em", tmp_path / "em.txt")
    assert len(folder.items) == 20
    with pytest.raises(InputError, match="it looks like an instance map"):
        open_folder(real_data / "dsb2018_nuclei")
    (tmp_path / "nuclei.txt").write_text("0 background\n1-65535 nucleus\n")
    nuclei = open_folder(real_data / "dsb2018_nuclei", tmp_path / "nuclei.txt")
    groups = [item.attributes["subgroup"] for item in nuclei.items]
    assert [groups.count(group) for group in ("gray_dark", "color_bright", "gray_bright")] == [177, 41, 4]
    assert read_image(nuclei.items[0].image).shape[0] == 3
