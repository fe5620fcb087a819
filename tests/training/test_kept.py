"""Decoded images kept in memory: the budget holds, changed files are read again, results stay the same."""

from pathlib import Path

import pytest
import torch

from pixelwise.data.folder import open_folder
from pixelwise.data.transforms import strong
from pixelwise.errors import InputError
from pixelwise.training.kept import Kept, stamp_of
from pixelwise.training.segmentation import crops
from pixelwise.training.segmentation.crops import Crops, WholeImages
from references.sample_folders import put_image, put_pairs

BYTES = 12 * 16 * (3 * 4 + 1)
"""One image of `put_pairs`: three float channels and one byte of labels."""


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files decoded so far."""
    names: list[str] = []
    read = crops.read_image

    def counted(path: Path) -> torch.Tensor:
        names.append(path.stem)
        return read(path)

    monkeypatch.setattr(crops, "read_image", counted)
    return names


def images(root: Path, kept_bytes: int) -> WholeImages:
    put_pairs(root / "images", root / "labels", "a b c")
    folder = open_folder(root)
    return WholeImages(folder.items, folder.classes, kept_bytes)


@pytest.mark.parametrize(("fits", "read"), [(3, "abc"), (2, "abccc"), (0, "abcabcabc")])
def test_images_are_decoded_once_while_they_fit(tmp_path: Path, reads: list[str], fits: int, read: str) -> None:
    whole = images(tmp_path, fits * BYTES)
    for _ in range(3):
        for index in range(3):
            whole[index]
    assert "".join(reads) == read


def test_a_file_that_changes_is_read_again_and_one_that_vanishes_is_named(tmp_path: Path, reads: list[str]) -> None:
    whole = images(tmp_path, 10**6)
    before = whole[0].image
    put_image(tmp_path / "images" / "a.png", seed=99)
    assert not torch.equal(whole[0].image, before)
    assert reads == ["a", "a"]
    (tmp_path / "images" / "a.png").unlink()
    with pytest.raises(InputError, match=r"a\.png"):
        whole[0]


def test_crops_are_the_same_with_and_without_memory(tmp_path: Path) -> None:
    kept, fresh = (Crops(images(tmp_path, budget), strong((8, 8)), 4, 0) for budget in (10**6, 0))
    for epoch in range(2):
        for index in range(12):
            one, other = kept[epoch, index], fresh[epoch, index]
            assert torch.equal(one.image, other.image)
            assert torch.equal(one.truth.labels, other.truth.labels)


def test_the_budget_is_given_back() -> None:
    kept: Kept[str] = Kept(10)
    old, new = ((1, 1),), ((2, 1),)
    kept.put(0, old, "a", 6)
    kept.put(1, old, "b", 6)
    assert (kept.get(0, old), kept.get(1, old)) == ("a", None)
    assert kept.get(0, new) is None
    kept.put(1, old, "b", 6)
    kept.put(1, new, "c", 10)
    assert (kept.get(1, new), kept.get(0, old)) == ("c", None)


def test_a_stamp_tells_when_files_change(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"1")
    stamp = stamp_of([file])
    assert stamp_of([file]) == stamp
    file.write_bytes(b"12")
    assert stamp_of([file]) != stamp
    assert stamp_of([tmp_path / "none"]) == ()
