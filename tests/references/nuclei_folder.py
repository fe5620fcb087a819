"""Small pictures of touching nuclei, and a network that reads their classes off the colours."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from pixelwise.data.classes import ClassTable
from pixelwise.data.formats.masks import write_label_map
from pixelwise.inference import Predictor, Segmenter
from pixelwise.inference.run_folder import RunRecord
from pixelwise.models.normalise import Normalised

NUCLEI = ClassTable(("background", "nucleus", "touching"), ((0, 0), (1, 65535)), border=True)


def nuclei(seed: int, height: int = 40, width: int = 52) -> Tensor:
    """Object numbers: rectangles of at least 7 x 7 in a grid, some of which touch their right neighbours."""
    draw = np.random.default_rng(seed)
    objects = np.zeros((height, width), np.int32)
    number = 0
    for top in range(1, height - 12, 13):
        for left in range(0, width - 12, 13):
            number += 1
            across = 13 if draw.random() < 0.6 else int(draw.integers(7, 12))
            objects[top : top + int(draw.integers(7, 12)), left : left + across] = number
    return torch.from_numpy(objects)


def put_nuclei(folder: Path, count: int = 3) -> Path:
    """Images whose red, green and blue are the classes of the truth, with instance maps; the first has no object."""
    (folder / "images").mkdir(parents=True)
    for seed in range(count):
        objects = nuclei(seed) * int(seed > 0)
        ids = NUCLEI.encode(objects.numpy(), "truth")
        Image.fromarray(np.eye(3, dtype=np.uint8)[ids] * 255).save(folder / "images" / f"{seed}.png")
        write_label_map(folder / "labels" / f"{seed}.png", objects.numpy())
    (folder / "classes.txt").write_text("0 background\n1-65535 nucleus\nborder touching\n")
    return folder


def border_predictor(folder: Path, contrast: float = 10.0) -> tuple[Predictor, Path]:
    """A network whose scores are the colours times `contrast`, and two images with objects."""
    layer = nn.Conv2d(3, 3, 1, bias=False)
    layer.weight.data = torch.eye(3)[:, :, None, None] * contrast
    record = RunRecord(
        "segmentation", "unet", {}, NUCLEI, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), {}, {"name": "nuclei"}, (9, 3, 0)
    )
    data = put_nuclei(folder / "nuclei")
    (data / "images" / "0.png").rename(folder / "none.png")
    return Segmenter(Normalised(layer, record.mean, record.std), record), data / "images"
