"""A flow run at work: forms of input, confidence, refusals; which files and folders mean which pairs."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pixelwise.errors import InputError
from pixelwise.inference.flow_estimator import FlowEstimator, build_flow_model, open_flow_estimator
from pixelwise.inference.pair_inputs import find_pairs
from pixelwise.inference.predictor import load
from pixelwise.inference.run_folder import write_record, write_weights
from pixelwise.inference.run_record import RunRecord
from pixelwise.inference.use import Use
from pixelwise.models.normalise import IMAGENET_MEAN, IMAGENET_STD
from pixelwise.ops import flow_confidence

RECORD = RunRecord("flow", "flownet_c", {"width": 2}, None, IMAGENET_MEAN, IMAGENET_STD, {}, {"name": "x"})


@pytest.fixture(scope="module")
def estimator() -> FlowEstimator:
    torch.manual_seed(0)
    return FlowEstimator(build_flow_model(RECORD), RECORD)


@pytest.fixture
def pictures() -> tuple[np.ndarray, np.ndarray]:
    first, second = np.random.default_rng(0).integers(0, 256, (2, 40, 70, 3), dtype=np.uint8)
    return first, second


def put(path: Path, picture: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)
    return path


def test_paths_arrays_and_tensors_give_one_flow(
    estimator: FlowEstimator, pictures: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    arrays = estimator.predict(*pictures).vectors
    tensors = [torch.from_numpy(picture).permute(2, 0, 1).float() / 255 for picture in pictures]
    paths = [put(tmp_path / f"{number}.png", picture) for number, picture in enumerate(pictures)]
    assert arrays.shape == (2, 40, 70)
    assert torch.equal(estimator.predict(*tensors).vectors, arrays)
    assert torch.equal(estimator.predict(*paths).vectors, arrays)


def test_confidence_compares_the_ways_there_and_back(
    estimator: FlowEstimator, pictures: tuple[np.ndarray, np.ndarray]
) -> None:
    result = estimator.predict(*pictures, confidence=True)
    there, back = result.vectors, estimator.predict(pictures[1], pictures[0]).vectors
    assert result.confidence is not None
    assert torch.equal(result.confidence, flow_confidence(there[None], back[None])[0])
    assert estimator.predict(*pictures).confidence is None


def test_images_of_two_sizes_are_refused(estimator: FlowEstimator, pictures: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(InputError, match="two images of one size, got 40x70 and 40x69"):
        estimator.predict(pictures[0], pictures[1][:, :-1])


def test_a_run_folder_gives_its_estimator(
    estimator: FlowEstimator, pictures: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    write_record(tmp_path, dataclasses.replace(RECORD, finished=True))
    write_weights(tmp_path, estimator.network)
    loaded = load(tmp_path)
    assert isinstance(loaded, FlowEstimator)
    assert torch.equal(loaded.predict(*pictures).vectors, estimator.predict(*pictures).vectors)
    rounded = load(tmp_path, precision="bf16").predict(*pictures).vectors
    assert rounded.dtype == torch.float32
    assert not torch.equal(rounded, loaded.predict(*pictures).vectors)
    with pytest.raises(InputError, match="no tiles for flow, got tile = 64"):
        open_flow_estimator(tmp_path, RECORD, Use(tile=64))
    with pytest.raises(InputError, match="a precision of 32 or bf16, got '16'"):
        load(tmp_path, precision="16")


def names(inputs: list) -> list[tuple[str, str]]:
    return [(each.path.name, each.second.name) for each in inputs]


def test_files_are_frames_in_the_order_given(tmp_path: Path, pictures: tuple[np.ndarray, np.ndarray]) -> None:
    files = [put(tmp_path / name, pictures[0]) for name in ("b.png", "a.png", "c.png")]
    assert names(find_pairs(files)) == [("b.png", "a.png"), ("a.png", "c.png")]
    (tmp_path / "list.txt").write_text("c.png\na.png\n")
    assert names(find_pairs([tmp_path / "list.txt"])) == [("c.png", "a.png")]


def test_two_files_of_one_name_are_a_pair(tmp_path: Path, pictures: tuple[np.ndarray, np.ndarray]) -> None:
    files = [put(tmp_path / side / "0.png", pictures[0]) for side in ("left", "right")]
    (pair,) = find_pairs(files)
    assert (pair.path, pair.second, pair.name) == (*files, "0")
    assert pair.sources == tuple(files)


def test_a_folder_of_frames_is_read_by_its_numbers_and_subfolders_apart(
    tmp_path: Path, pictures: tuple[np.ndarray, np.ndarray]
) -> None:
    for name in ("x/f10.png", "x/f2.png", "x/f1.png", "y/f1.png", "y/f2.png", "z/alone.png"):
        put(tmp_path / name, pictures[0])
    found = find_pairs([tmp_path])
    assert [pair.name for pair in found] == ["x/f1", "x/f2", "y/f1"]
    assert names(found) == [("f1.png", "f2.png"), ("f2.png", "f10.png"), ("f1.png", "f2.png")]


def test_a_folder_of_pairs_gives_its_pairs(pasture_folder: Path) -> None:
    found = find_pairs([pasture_folder])
    assert len(found) == 40
    assert all(pair.path.parent.name == "images" and pair.second.parent.name == "second" for pair in found)
    assert all(pair.path.name == pair.second.name for pair in found)


def test_what_is_no_pair_is_refused(tmp_path: Path, pictures: tuple[np.ndarray, np.ndarray]) -> None:
    alone = put(tmp_path / "alone.png", pictures[0])
    with pytest.raises(InputError, match=r"two images, or a folder of frames or pairs, got one frame alone in .*alone"):
        find_pairs([alone])
    with pytest.raises(InputError, match=r"got the film .*m\.mp4\nhint: ffmpeg -i .*m\.mp4 frames/%06d\.png"):
        find_pairs([tmp_path / "m.mp4"])
    with pytest.raises(InputError, match="does not exist"):
        find_pairs([tmp_path / "gone"])
    for folder in ("one", "two"):
        for name in ("1.png", "2.png"):
            put(tmp_path / folder / name, pictures[0])
    with pytest.raises(InputError, match=r"names of their own, got .*one/1\.png and .*two/1\.png"):
        find_pairs([tmp_path / "one", tmp_path / "two"])
