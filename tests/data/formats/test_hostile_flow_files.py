"""Spoiled flow files of every format: a named error, or exactly as many numbers as the file says and no more."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pixelwise.data.flow import read_flow
from pixelwise.data.formats.flo import write_flo
from pixelwise.data.formats.kitti import write_kitti_flow
from pixelwise.data.formats.netpbm import write_netpbm
from pixelwise.data.formats.pfm import write_pfm
from pixelwise.data.images import read_image
from pixelwise.errors import InputError

FLOW = np.random.default_rng(0).uniform(-20, 20, (4, 6, 2)).astype(np.float32)

WRITERS: dict[str, Callable[[Path], None]] = {
    ".flo": lambda path: write_flo(path, FLOW),
    ".pfm": lambda path: write_pfm(path, np.concatenate([FLOW, FLOW[..., :1]], axis=2)),
    ".png": lambda path: write_kitti_flow(path, FLOW, np.ones((4, 6), np.bool_)),
    ".ppm": lambda path: write_netpbm(path, (FLOW[..., [0, 1, 0]] * 5 + 100).astype(np.uint8)),
}


def spoiled(content: bytes, draw: random.Random) -> bytes:
    """Cut, lengthened, or with some bytes replaced."""
    how = draw.random()
    if how < 0.3:
        return content[: draw.randrange(len(content))]
    if how < 0.4:
        return content + draw.randbytes(draw.randint(1, 40))
    changed = bytearray(content)
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(len(changed)) if draw.random() < 0.5 else draw.randrange(min(24, len(changed)))
        changed[place] = draw.choice((0, 255, 10, 32, 48, 57, draw.randrange(256)))
    return bytes(changed)


@pytest.mark.parametrize("suffix", WRITERS)
@given(seed=st.integers(0, 2**32))
@example(seed=0)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
def test_a_spoiled_file_is_named_or_holds_what_it_says(tmp_path: Path, suffix: str, seed: int) -> None:
    good, path = tmp_path / f"good{suffix}", tmp_path / f"spoiled{suffix}"
    if not good.exists():
        WRITERS[suffix](good)
    content = spoiled(good.read_bytes(), random.Random(seed))
    path.write_bytes(content)
    try:
        values = (read_image(path),) if suffix == ".ppm" else read_flow(path)
    except InputError as error:
        assert "spoiled" in str(error)
        return
    # A PNG is compressed; the others hold one to twelve bytes for each pixel.
    assert values[0][0].numel() <= (1032 if suffix == ".png" else 1) * len(content)
    assert bool(values[0].isfinite().all())
    if suffix != ".ppm":
        assert bool((values[0][:, ~values[1]] == 0).all())
