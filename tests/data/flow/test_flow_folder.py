"""Folders of the field's flow data sets: recognised by what is there, read whole, and named where they are not."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pixelwise.data.flow import open_flow, read_flow, read_frames, read_pair
from pixelwise.data.formats.pfm import write_pfm
from pixelwise.data.pasture import Knobs, PasturePairs, write_folder
from pixelwise.errors import InputError
from references import flow_folders
from references.flow_folders import MAKERS, pair


@pytest.fixture
def made(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    MAKERS[request.param](tmp_path)
    return tmp_path


@pytest.mark.parametrize("made", ["chairs", "chairs_examples", "pairs"], indirect=True)
def test_pairs_are_read_as_they_were_made(made: Path) -> None:
    folder = open_flow(made)
    assert [item.split for item in folder.items] == ["train"] * 3
    for number, item in enumerate(folder.items):
        read = read_pair(item)
        assert torch.equal(read.image, pair(number).image)
        assert torch.equal(read.second, pair(number).second)
        assert torch.equal(read.flow, pair(number).flow)
        assert read.valid.all()
        if folder.layout == "pairs":
            assert torch.equal(read.occluded, pair(number).occluded)
        else:
            assert read.occluded is None


@pytest.mark.parametrize("made", ["sintel"], indirect=True)
def test_sintel_has_two_renderings_masks_and_a_test_split(made: Path) -> None:
    folder = open_flow(made)
    assert folder.layout == "sintel"
    assert folder.parts == ("clean", "final")
    names = [item.name for item in folder.only("train").items]
    assert names == [f"{part}/{scene}/frame_0001" for part in ("clean", "final") for scene in ("alley_1", "market_2")]
    assert [item.name for item in folder.only("test").items] == [f"clean/cave_3/frame_000{n}" for n in (1, 2)]
    assert len(folder.only(part="final").items) == 2
    read = read_pair(folder.items[0])
    assert torch.equal(read.occluded, pair(0).occluded)
    assert not read.valid[:, :5].any()
    assert (read.flow[:, :, :5] == 0).all()
    assert read.valid[:, 5:].all()
    assert torch.equal(read.flow[:, :, 5:], pair(0).flow[:, :, 5:])
    frames = read_frames(folder.only("test").items[0])
    assert torch.equal(frames[0], pair(2).image)
    with pytest.raises(InputError, match=r"the flow of clean/cave_3/frame_0001, got a pair whose truth is kept back"):
        read_pair(folder.only("test").items[0])


@pytest.mark.parametrize("made", ["sintel"], indirect=True)
def test_the_training_part_of_sintel_alone_is_enough(made: Path) -> None:
    folder = open_flow(made / "training")
    assert (folder.layout, folder.splits, len(folder.items)) == ("sintel", ("train",), 4)


@pytest.mark.parametrize("made", ["kitti"], indirect=True)
def test_kitti_knows_what_leaves_sight(made: Path) -> None:
    folder = open_flow(made)
    assert (folder.layout, folder.splits) == ("kitti", ("train", "test"))
    read = read_pair(folder.items[1])
    assert not read.valid[:8].any()
    assert read.valid[8:].all()
    assert torch.equal(read.occluded[8:], pair(1).occluded[8:])
    assert not read.occluded[:8].any()
    assert (read.flow - pair(1).flow)[:, 8:].abs().max() <= 1 / 128


@pytest.mark.parametrize("made", ["middlebury", "middlebury_apart"], indirect=True)
def test_middlebury_marks_what_is_unknown(made: Path) -> None:
    folder = open_flow(made)
    assert folder.layout == "middlebury"
    assert [item.name for item in folder.items] == ["Grove2", "RubberWhale", "Venus"]
    read = read_pair(folder.items[2])
    assert not read.valid[:4].any()
    assert read.valid[4:].all()
    assert (read.flow[:, :4] == 0).all()
    assert torch.equal(read.flow[:, 4:], pair(2).flow[:, 4:])


def test_a_folder_of_scenes_is_a_folder_of_pairs(tmp_path: Path) -> None:
    knobs = Knobs(size=(32, 48))
    write_folder(tmp_path / "pasture", knobs, images=4, seed=2)
    folder = open_flow(tmp_path / "pasture")
    assert folder.layout == "pairs"
    assert folder.splits == ("train", "test")
    for item, made in zip(folder.items, PasturePairs(knobs, seed=2, pairs=4), strict=True):
        read = read_pair(item)
        for part in ("image", "second", "flow", "valid", "occluded"):
            assert torch.equal(getattr(read, part), getattr(made, part))


@pytest.mark.parametrize("made", ["chairs"], indirect=True)
@pytest.mark.parametrize("name", ["FlyingChairs_train_val.txt", "chairs_split.txt"])
def test_the_published_split_of_the_chairs_is_used(made: Path, name: str) -> None:
    (made / name).write_text("1\n2\n1\n")
    assert [item.split for item in open_flow(made).items] == ["train", "val", "train"]
    (made / name).write_text("1\n2\n")
    with pytest.raises(InputError, match=rf"{name}: 2 lines for 3 pairs"):
        open_flow(made)
    (made / name).write_text("1\n2\n3\n")
    with pytest.raises(InputError, match="a line '3'"):
        open_flow(made)


@pytest.mark.parametrize("made", ["pairs"], indirect=True)
def test_splits_come_from_a_table(made: Path) -> None:
    (made / "splits.csv").write_text("file,split\n0,train\n1.png,val\n2,test\n")
    folder = open_flow(made)
    assert [item.split for item in folder.items] == ["train", "val", "test"]
    other = made / "other.csv"
    other.write_text("file,split\n0,test\n1,test\n")
    assert [item.split for item in open_flow(made, other).items] == ["test", "test", "unlisted"]
    with pytest.raises(InputError, match=r"splits train, val, test, got 'dev'"):
        folder.only("dev")
    with pytest.raises(InputError, match="an existing splits file"):
        open_flow(made, made / "nowhere.csv")


@pytest.mark.parametrize(
    ("layout", "file", "of"),
    [
        ("chairs", "data/00002_img2.ppm", "data/00002_img1.ppm"),
        ("chairs_examples", "0000001-img0.ppm", "0000001-img1.ppm"),
        ("sintel", "training/clean/alley_1/frame_0002.png", "training/clean/alley_1/frame_0001.png"),
        ("sintel", "training/clean/alley_1/frame_0001.png", "training/clean/alley_1/frame_0002.png"),
        ("sintel", "training/flow/alley_1/frame_0001.flo", "training/clean/alley_1/frame_0001.png"),
        ("kitti", "training/image_2/000001_11.png", "training/image_2/000001_10.png"),
        ("kitti", "training/image_2/000001_10.png", "training/image_2/000001_11.png"),
        ("kitti", "training/flow_occ/000001_10.png", "training/image_2/000001_10.png"),
        ("middlebury", "Venus/frame11.png", "Venus/frame10.png"),
        ("pairs", "second/1.png", "images/1.png"),
        ("pairs", "flow/1.flo", "images/1.png"),
    ],
)
def test_a_missing_partner_is_named(tmp_path: Path, layout: str, file: str, of: str) -> None:
    MAKERS[layout](tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(InputError) as caught:
        open_flow(tmp_path)
    assert f"{of}: its partner {file} is not there" in str(caught.value)


def test_a_folder_of_another_kind_is_told_what_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(InputError) as caught:
        open_flow(tmp_path)
    for word in ("holiday.jpg", "FlyingChairs", "Sintel", "KITTI", "Middlebury", "images/, second/ and flow/"):
        assert word in str(caught.value)
    with pytest.raises(InputError, match="where there is nothing"):
        open_flow(tmp_path / "nowhere")
    with pytest.raises(InputError, match="where there is a file"):
        open_flow(tmp_path / "holiday.jpg")


@pytest.mark.parametrize("made", ["pairs"], indirect=True)
def test_files_of_unlike_sizes_are_named(made: Path) -> None:
    small = np.zeros((16, 40, 3), np.uint8)
    for place, kind in (("second/0.png", small), ("occlusion/1.png", small[..., 0])):
        flow_folders.save(made / place, kind)
    items = open_flow(made).items
    with pytest.raises(InputError, match=r"32x40 .* as .*images/0\.png has, got 16x40 in .*second/0\.png"):
        read_pair(items[0])
    with pytest.raises(InputError, match=r"16x40 in .*occlusion/1\.png"):
        read_pair(items[1])


def test_a_pfm_holds_flow_in_its_first_two_channels(tmp_path: Path) -> None:
    flow = flow_folders.rows(pair(0).flow)
    values = np.concatenate([flow, np.zeros_like(flow[..., :1])], axis=2)
    values[3, 4, 0] = np.nan
    write_pfm(tmp_path / "a.pfm", values)
    read, valid = read_flow(tmp_path / "a.pfm")
    assert not valid[3, 4]
    assert int((~valid).sum()) == 1
    assert (read[:, 3, 4] == 0).all()
    assert torch.equal(read.where(valid, 0), pair(0).flow.where(valid, 0))
    write_pfm(tmp_path / "b.pfm", values[..., :1])
    with pytest.raises(InputError, match="with one channel"):
        read_flow(tmp_path / "b.pfm")
    with pytest.raises(InputError, match=r"ending in \.flo, \.png or \.pfm"):
        read_flow(tmp_path / "c.npy")


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "layout", "zero"),
    [
        ("flyingchairs_examples", "chairs", [6.05, 4.51, 4.35]),
        ("middlebury_flow", "middlebury", [3.090, 1.256, 8.393, 3.802]),  # Grove2, RubberWhale, Urban2, Venus
    ],
)
def test_the_real_sets_move_as_far_as_is_known(real_data: Path, name: str, layout: str, zero: list[float]) -> None:
    folder = open_flow(real_data / name)
    assert folder.layout == layout
    pairs = [read_pair(item) for item in folder.items]
    means = [float(one.flow.norm(dim=0)[one.valid].mean()) for one in pairs]
    assert means == pytest.approx(zero, abs=0.006)
