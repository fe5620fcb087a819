"""The doctor for flow finds every planted fault, with file and fix, and none in sound folders."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pixelwise.data.flow import examine_flow
from pixelwise.data.flying import Recipe, draw_frames
from pixelwise.data.formats.flo import read_flo, write_flo
from pixelwise.data.formats.kitti import write_kitti_flow
from references.flow_folders import MAKERS, pair, pairs, picture, rows, save


@pytest.mark.parametrize("layout", MAKERS)
def test_sound_folders_have_no_fault(tmp_path: Path, layout: str) -> None:
    MAKERS[layout](tmp_path)
    if layout == "sintel":  # its test scene shows one picture three times
        shutil.rmtree(tmp_path / "test")
    if layout == "kitti":  # its test pair is a training pair
        shutil.rmtree(tmp_path / "testing")
    calls: list[tuple[int, int]] = []
    diagnosis = examine_flow(tmp_path, progress=lambda done, total: calls.append((done, total)))
    if layout == "sintel":  # clean and final are the same pictures here, which they are not in Sintel
        assert {fault.kind for fault in diagnosis.faults} == {"duplicate-pair"}
    else:
        assert diagnosis.faults == ()
    assert calls[-1] == (diagnosis.pairs, diagnosis.pairs)


def test_the_figures_are_those_of_the_pairs(tmp_path: Path) -> None:
    MAKERS["middlebury"](tmp_path)
    diagnosis = examine_flow(tmp_path)
    lengths = np.concatenate([np.linalg.norm(rows(pair(number).flow)[4:], axis=2).ravel() for number in range(3)])
    assert diagnosis.layout == "middlebury"
    assert diagnosis.splits == {"train": 3}
    assert diagnosis.known == pytest.approx(28 / 32)
    assert diagnosis.mean == pytest.approx(lengths.mean(), rel=1e-5)
    assert diagnosis.longest == pytest.approx(lengths.max(), rel=1e-6)


def flow_of(root: Path, number: int) -> np.ndarray:
    return read_flo(root / "flow" / f"{number}.flo")


def raw_flow(path: Path, flow: np.ndarray) -> None:
    """Past the writer's own check."""
    path.write_bytes(path.read_bytes()[:12] + flow.astype("<f4").tobytes())


def spoil_size(root: Path) -> None:
    save(root / "second" / "1.png", np.zeros((20, 40, 3), np.uint8))


def spoil_flow_size(root: Path) -> None:
    write_flo(root / "flow" / "1.flo", flow_of(root, 1)[:16, :20])


def spoil_occlusion(root: Path) -> None:
    save(root / "occlusion" / "1.png", np.zeros((20, 40), np.uint8))


def forget_flow(root: Path) -> None:
    write_flo(root / "flow" / "1.flo", np.full((32, 40, 2), 1e10, np.float32))


def strange_values(root: Path) -> None:
    flow = flow_of(root, 1)
    flow[3, 4:7, 0] = np.nan
    raw_flow(root / "flow" / "1.flo", flow)


def far_flow(root: Path) -> None:
    flow = flow_of(root, 1)
    flow[3, 4:7] = 600
    write_flo(root / "flow" / "1.flo", flow)


def shifted_scene(root: Path) -> np.ndarray:
    """Pair 1 becomes a scene that moves by 5 pixels to the right and 2 up; returns its flow."""
    scene = picture(draw_frames(Recipe((48, 64), objects=(4, 4)), seed=0).pair().image)
    save(root / "images" / "1.png", scene[6:38, 10:50])
    save(root / "second" / "1.png", scene[8:40, 5:45])
    (root / "occlusion" / "1.png").unlink()
    flow = np.zeros((32, 40, 2), np.float32)
    flow[:] = (5, -2)
    return flow


def opposite(root: Path) -> None:
    write_flo(root / "flow" / "1.flo", -shifted_scene(root))


def exchanged(root: Path) -> None:
    write_flo(root / "flow" / "1.flo", np.ascontiguousarray(shifted_scene(root)[..., ::-1]))


def upwards(root: Path) -> None:
    write_flo(root / "flow" / "1.flo", shifted_scene(root) * np.array([1, -1], np.float32))


def frozen(root: Path) -> None:
    shutil.copy(root / "images" / "1.png", root / "second" / "1.png")


def twin(root: Path) -> None:
    for folder in ("images", "second"):
        shutil.copy(root / folder / "0.png", root / folder / "1.png")
    shutil.copy(root / "flow" / "0.flo", root / "flow" / "1.flo")
    shutil.copy(root / "occlusion" / "0.png", root / "occlusion" / "1.png")


def twin_across(root: Path) -> None:
    twin(root)
    (root / "splits.csv").write_text("file,split\n0,train\n1,test\n2,train\n")


def cut_flow(root: Path) -> None:
    path = root / "flow" / "1.flo"
    path.write_bytes(path.read_bytes()[:-5])


def cut_image(root: Path) -> None:
    path = root / "images" / "1.png"
    path.write_bytes(path.read_bytes()[:300])


def eight_bits(root: Path) -> None:
    (root / "flow" / "1.flo").unlink()
    save(root / "flow" / "1.png", np.zeros((32, 40, 3), np.uint8))


def lose(root: Path) -> None:
    (root / "second" / "1.png").unlink()


PLANTED: list[tuple[Callable[[Path], None], str, str, str, str]] = [
    (spoil_size, "fatal", "size-mismatch", "second/1.png", "20x40 (height x width), images/1.png is 32x40"),
    (spoil_flow_size, "fatal", "size-mismatch", "flow/1.flo", "16x20 (height x width), images/1.png is 32x40"),
    (spoil_occlusion, "fatal", "mask", "occlusion/1.png", "20x40 in"),
    (forget_flow, "fatal", "all-unknown", "flow/1.flo", "the flow of every pixel is unknown"),
    (strange_values, "warning", "not-finite", "flow/1.flo", "NaN or infinite in 3 pixels"),
    (far_flow, "fatal", "impossible-flow", "flow/1.flo", "3 pixels move farther than the image's diagonal of 51"),
    (opposite, "warning", "flow-does-not-fit", "flow/1.flo", "with the opposite sign"),
    (exchanged, "warning", "flow-does-not-fit", "flow/1.flo", "with dx and dy exchanged"),
    (upwards, "warning", "flow-does-not-fit", "flow/1.flo", "with dy pointing up"),
    (frozen, "warning", "same-image", "second/1.png", "the same picture as images/1.png"),
    (twin, "warning", "duplicate-pair", "images/1.png", "the same two images as images/0.png"),
    (twin_across, "fatal", "duplicate-across-splits", "images/1.png", "which is in train, while this pair is in test"),
    (cut_flow, "fatal", "unreadable-flow", "flow/1.flo", "cut short"),
    (cut_image, "fatal", "unreadable-image", "images/1.png", "cut off or damaged"),
    (eight_bits, "fatal", "unreadable-flow", "flow/1.png", "a PNG of 8 bits"),
    (lose, "fatal", "missing-partner", "images/1.png", "its partner second/1.png is not there"),
]


@pytest.mark.parametrize(("spoil", "severity", "kind", "file", "text"), PLANTED)
def test_a_planted_fault_is_found_with_its_file(
    tmp_path: Path, spoil: Callable[[Path], None], severity: str, kind: str, file: str, text: str
) -> None:
    pairs(tmp_path)
    spoil(tmp_path)
    diagnosis = examine_flow(tmp_path)
    assert [(fault.severity, fault.kind, fault.file) for fault in diagnosis.faults] == [(severity, kind, file)]
    fault = diagnosis.faults[0]
    assert text in fault.found
    assert fault.fix
    assert len(diagnosis.fatal) + len(diagnosis.warnings) == 1


def test_a_flow_that_fits_is_not_suspected(tmp_path: Path) -> None:
    pairs(tmp_path)
    write_flo(tmp_path / "flow" / "1.flo", shifted_scene(tmp_path))
    assert examine_flow(tmp_path).faults == ()


def test_unknown_pixels_of_kitti_are_no_fault(tmp_path: Path) -> None:
    pairs(tmp_path)
    known = np.zeros((32, 40), np.bool_)
    known[10:] = True
    write_kitti_flow(tmp_path / "flow" / "1.png", rows(pair(1).flow), known)
    (tmp_path / "flow" / "1.flo").unlink()
    diagnosis = examine_flow(tmp_path)
    assert diagnosis.faults == ()
    assert diagnosis.known == pytest.approx((32 + 32 + 22) / 96)


@pytest.mark.data
@pytest.mark.parametrize("name", ["flyingchairs_examples", "middlebury_flow"])
def test_the_real_sets_are_sound(real_data: Path, name: str) -> None:
    assert examine_flow(real_data / name).faults == ()
