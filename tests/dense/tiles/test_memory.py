"""Predicted activation memory against counting by hand and against a process."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from pixelwise.dense.tiles.memory import ActivationMemory, parse_bytes
from pixelwise.dense.tiles.plan import WORKING_COPIES
from pixelwise.errors import InputError
from pixelwise.models import UNet
from references.separate_processes import PEAK, run_python


@pytest.mark.parametrize(
    ("text", "size"),
    [("1GB", 10**9), ("512 MiB", 2**29), ("2kb", 2000), (" 0.5 GiB ", 2**29), ("7", 7), (64, 64), ("100B", 100)],
)
def test_sizes(text: str | int, size: int):
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "0", "nan", "inf GB", "1e400", "1 TBB", "one GB", "0.1B", -3])
def test_what_is_no_size_is_refused(text: str | int):
    with pytest.raises(InputError) as refusal:
        parse_bytes(text)
    assert str(refusal.value) == f'wanted a memory size such as 512MB or 2GiB, got {text!r}\nhint: pass memory="1GB"'


@pytest.mark.parametrize(("number_type", "width"), [(torch.float32, 4), (torch.float64, 8), (torch.bfloat16, 2)])
def test_a_net_of_two_layers_by_hand(number_type: torch.dtype, width: int):
    # While the second layer runs, image, 8 hidden channels and 5 scores are alive.
    net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 5, 3, padding=1)).to(number_type)
    assert ActivationMemory(net).peak((20, 30)) == (3 + 8 + 5) * 20 * 30 * width


def test_freed_activations_do_not_count():
    # Four layers of 8 channels: two are alive at once, not four.
    net = nn.Sequential(nn.Conv2d(3, 8, 1), *(nn.Conv2d(8, 8, 1) for _ in range(3)))
    assert ActivationMemory(net).peak((10, 10)) == (3 + 8 + 8) * 100 * 4


def test_views_of_weights_are_no_activations():
    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1000, 3))

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images * self.weight.t().sum(1).view(1, 3, 1, 1)

    assert ActivationMemory(Mixed()).peak((10, 10)) == (3 + 3) * 100 * 4 + 3 * 4


MEASURE = """
import torch
from pixelwise.models import UNet
from pixelwise.dense.tiles.memory import ActivationMemory
torch.set_num_threads(2)
net = UNet(3, width=32, depth=4).eval()
predicted = ActivationMemory(net).peak((768, 768))
with torch.inference_mode():
    net(torch.rand(1, 3, 64, 64))  # what the first run of any size allocates is no activation
    before = peak()
    net(torch.rand(1, 3, 768, 768).contiguous(memory_format=torch.channels_last))
measured = (peak() - before) * 1024**2
print(measured / predicted)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_the_prediction_is_near_a_process(capsys: pytest.CaptureFixture[str]):
    done = subprocess.run([sys.executable, "-c", PEAK + MEASURE], capture_output=True, text=True, check=True)
    ratio = float(done.stdout)
    print(f"measured / predicted: {ratio:.2f}")
    # Scratch space and the allocator add to the activations; the plan allows for that.
    assert 0.7 <= ratio <= WORKING_COPIES


def test_a_smaller_image_takes_less():
    memory = ActivationMemory(UNet(2, width=4, depth=2))
    assert memory.peak((64, 64)) < memory.peak((64, 128)) == memory.peak((128, 64)) < memory.peak((128, 128))


AREA = """
import sys
from pathlib import Path
import numpy as np
import torch
from pixelwise.dense import tiled
from pixelwise.models import UNet
torch.set_num_threads(1)
rows, folder = int(sys.argv[1]), Path(sys.argv[2])
image = np.memmap(folder / "image", np.uint8, "w+", shape=(rows, 2000, 3))
outs = [folder / "a.tif", folder / "b.npy"]
tiled(UNet(3, width=2, depth=1), image, tile=250, reduce=["argmax", "entropy"], out=outs)
print(peak())
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_the_peak_does_not_grow_with_the_area(tmp_path: Path):
    peaks = []
    for rows in (1000, 8000):
        folder = tmp_path / str(rows)
        folder.mkdir()
        done = run_python(PEAK + AREA, rows, folder)
        assert not done.returncode, done.stderr
        peaks.append(float(done.stdout))
    # Image and results together are 16 MB and 128 MB.
    assert peaks[1] - peaks[0] < 15, peaks
