"""Small data set folders on disk, sound unless a test spoils them."""

from pathlib import Path

import numpy as np

from references.sample_files import pillow_file, smooth


def put_image(path: Path, seed: int, height: int = 12, width: int = 16) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pillow_file(smooth(height, width, 3, np.uint8, seed), "JPEG" if path.suffix == ".jpg" else "PNG"))
    return path


def put_labels(path: Path, values: tuple[int, ...] = (0, 1), height: int = 12, width: int = 16) -> Path:
    """Vertical stripes of the values."""
    path.parent.mkdir(parents=True, exist_ok=True)
    labels = np.resize(np.array(values, np.uint16 if max(values) > 255 else np.uint8), (height, width))
    path.write_bytes(pillow_file(labels, "PNG"))
    return path


def put_pairs(images: Path, labels: Path, names: str, seed: int = 0) -> None:
    for index, name in enumerate(names.split()):
        put_image(images / f"{name}.png", seed + index)
        put_labels(labels / f"{name}.png")
