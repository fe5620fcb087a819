"""A pair of a flow data set from its files, checked as a whole."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool
from numpy.typing import NDArray

from pixelwise.data.flow.items import FlowItem
from pixelwise.data.flow.pair import FlowPair
from pixelwise.data.formats.decode import decode
from pixelwise.data.formats.flo import known, read_flo
from pixelwise.data.formats.kitti import read_kitti_flow
from pixelwise.data.formats.pfm import read_pfm
from pixelwise.data.images import read_image
from pixelwise.errors import InputError
from pixelwise.shapes import Flow, Image, Mask

CHECK = "run `pixelwise data check` on the folder"


def read_flow(path: Path) -> tuple[Flow, Mask]:
    """The flow of a .flo, .pfm or KITTI .png file in pixels, 0 where it is unknown; and where it is known.

    Of a PFM with three channels the first two are taken.

    Raises:
        InputError: naming the file: another suffix, missing, damaged, 8 bits, or a PFM of one channel.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".png":
        vectors, valid = read_kitti_flow(path)
    elif suffix in (".flo", ".pfm"):
        vectors = read_flo(path) if suffix == ".flo" else read_pfm(path)[..., :2]
        if vectors.shape[2] != 2:
            raise InputError("a flow with dx and dy", f"{path} with one channel", hint="it may be a disparity map")
        valid = known(vectors)
        vectors = np.where(valid[..., None], vectors, np.float32(0))
    else:
        raise InputError("a flow file ending in .flo, .png or .pfm", f"{path}", hint="convert it to .flo")
    return torch.from_numpy(np.ascontiguousarray(vectors.transpose(2, 0, 1))), torch.from_numpy(valid)


def read_frames(item: FlowItem) -> tuple[Image, Image]:
    """The two images alone, for pairs whose truth is kept back.

    Raises:
        InputError: an image cannot be read, or they differ in size.
    """
    image, second = read_image(item.image), read_image(item.second)
    _same_size(image, second, item.image, item.second)
    return image, second


def read_pair(item: FlowItem) -> FlowPair:
    """The pair with its truth.

    Raises:
        InputError: the item has no flow, a file cannot be read, or their sizes differ; the message names the file.
    """
    if item.flow is None:
        raise InputError(f"the flow of {item.name}", "a pair whose truth is kept back", hint="score the train split")
    image, second = read_frames(item)
    flow, valid = read_flow(item.flow)
    _same_size(image, flow, item.image, item.flow)
    return with_masks(item, image, second, flow, valid)


def with_masks(item: FlowItem, image: Image, second: Image, flow: Flow, valid: Mask) -> FlowPair:
    """The pair of an item whose images and flow are read, with what its other files say.

    Raises:
        InputError: one of these files cannot be read or has another size; the message names it.
    """
    if item.invalid is not None:
        valid = valid & ~_marked(item.invalid, image, item.image)
        flow = flow.where(valid, 0)
    return FlowPair(image, second, flow, valid, _occluded(item, image, valid))


def _occluded(item: FlowItem, image: Image, valid: Mask) -> Mask | None:
    if item.occlusion is not None:
        return _marked(item.occlusion, image, item.image)
    if item.seen_flow is None:
        return None
    seen = read_flow(item.seen_flow)[1]
    _same_size(image, seen, item.image, item.seen_flow)
    return valid & ~seen


def _marked(path: Path, image: Image, of: Path) -> Mask:
    """Where a picture is not black."""
    pixels: NDArray[np.uint8] = decode(path).pixels
    values: Bool[np.ndarray, "H W"] = (pixels[..., :3].max(axis=2) if pixels.ndim == 3 else pixels) > 0
    mask = torch.from_numpy(np.ascontiguousarray(values))
    _same_size(image, mask, of, path)
    return mask


def _same_size(first: torch.Tensor, other: torch.Tensor, file: Path, other_file: Path) -> None:
    wanted, got = (f"{part.shape[-2]}x{part.shape[-1]}" for part in (first, other))
    if wanted != got:
        raise InputError(f"{wanted} (height x width) as {file} has", f"{got} in {other_file}", hint=CHECK)
