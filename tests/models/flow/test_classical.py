"""Dense inverse search through OpenCV: finds plain motion, bears every size, and says when it is not installed."""

import importlib.util
from pathlib import Path

import pytest
import torch

from pixelwise.data.flow import open_flow, read_pair
from pixelwise.data.flying import Recipe, draw_frames
from pixelwise.errors import InputError
from pixelwise.models.flow.classical import dis_flow, dis_installed

needs_opencv = pytest.mark.skipif(not dis_installed(), reason="OpenCV is not installed")


@needs_opencv
def test_a_shift_is_found() -> None:
    scene = draw_frames(Recipe((96, 128)), seed=0).pair().image
    first, second = scene[:, 8:88, 10:118], scene[:, 10:90, 7:115]
    flow = dis_flow(first, second)
    inner = flow[:, 16:-16, 16:-16]
    assert float((inner - torch.tensor([3.0, -2.0]).view(2, 1, 1)).norm(dim=0).median()) < 0.1
    assert flow.dtype == torch.float32


@needs_opencv
@pytest.mark.parametrize("size", [(1, 1), (12, 100), (100, 12), (31, 33), (24, 200)])
@pytest.mark.parametrize("preset", ["ultrafast", "medium"])
def test_small_and_narrow_pictures_do_no_harm(size: tuple[int, int], preset: str) -> None:
    image = torch.rand(3, *size)
    flow = dis_flow(image, image, preset)
    assert flow.shape == (2, *size)
    assert flow.isfinite().all()


@needs_opencv
def test_images_that_differ_in_size_are_named() -> None:
    # Where the tests check shapes at run time, that check would speak first.
    unchecked = getattr(dis_flow, "__wrapped__", dis_flow)
    with pytest.raises(InputError, match=r"two images of one size, with pixels, got \(3, 40, 40\) and \(3, 40, 41\)"):
        unchecked(torch.rand(3, 40, 40), torch.rand(3, 40, 41))


def test_a_missing_package_is_named_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr("pixelwise.models.flow.classical.find_spec", lambda name: None if name == "cv2" else find(name))
    assert not dis_installed()
    with pytest.raises(InputError, match=r"no package cv2\nhint: pip install 'pixelwise\[classical\]'"):
        dis_flow(torch.rand(3, 40, 40), torch.rand(3, 40, 40))


@needs_opencv
@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "errors"),
    [
        # In the order of the folder: Grove2, RubberWhale, Urban2, Venus. All figures stand in the sets' own readmes.
        ("middlebury_flow", [0.319, 0.225, 0.645, 0.384]),
        ("flyingchairs_examples", [8.22, 1.59, 3.45]),
    ],
)
def test_known_errors_are_reproduced(real_data: Path, name: str, errors: list[float]) -> None:
    found = []
    for item in open_flow(real_data / name).items:
        pair = read_pair(item)
        found.append(float((dis_flow(pair.image, pair.second) - pair.flow).norm(dim=0)[pair.valid].mean()))
    assert found == pytest.approx(errors, rel=0.01)
