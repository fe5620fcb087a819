"""The class and split files of the nuclei guide fit the real data set."""

from pathlib import Path

import pytest

from pixelwise.data.folder import open_folder
from pixelwise.data.formats.masks import read_label_map

GUIDES = Path(__file__).resolve().parents[2] / "docs" / "guides"


@pytest.mark.data
def test_the_guides_files_fit_the_data(real_data: Path) -> None:
    root = real_data / "dsb2018_nuclei"
    folder = open_folder(root, GUIDES / "dsb2018_nuclei_classes.txt", GUIDES / "dsb2018_nuclei_splits.csv")
    assert {split: len(folder.only(split).items) for split in folder.splits} == {"train": 141, "val": 32, "test": 49}
    for item in folder.only("test").items[:5]:
        assert item.labels is not None
        stored = read_label_map(item.labels)
        ids = folder.classes.encode(stored, item.name)
        assert ((ids > 0) == (stored > 0)).all()
        assert ids.max() <= 2
        assert item.attributes["subgroup"] in ("gray_dark", "gray_bright", "color_bright")
