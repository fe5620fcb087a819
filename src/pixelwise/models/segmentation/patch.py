"""The sliding window as a segmenter: a patch classifier asked at every pixel, all patches of an image at once.

Source: Ciresan, Giusti, Gambardella, Schmidhuber 2012, "Deep Neural Networks Segment Neuronal Membranes in Electron
Microscopy Images".
"""

from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

from pixelwise.dense import densify
from pixelwise.errors import InputError
from pixelwise.shapes import Images

SMALLEST_MAP = 3
"""Rows and columns that the convolutions leave for the fully-connected layers, as in the paper's largest network."""


class PatchSegmenter(nn.Module):
    """Class scores of every pixel that has a whole patch around it, from a classifier of single patches.

    Score (i, j) is that of the patch whose upper left corner is pixel (i, j), so it belongs to pixel (i + size // 2,
    j + size // 2), the patch's middle. The scores are smaller than the image by size - 1 pixels; an image of exactly
    one patch gives what the classifier gives. Training on an image is training on all its patches: the gradient is the
    sum over them, with nothing computed twice. The classifier's weights are the only ones, and live.

    Batch normalisation uses its stored statistics and dropout does nothing, in training mode too.
    """

    def __init__(self, classifier: nn.Module, size: int) -> None:
        """Follows the classifier once, on shapes alone.

        Args:
            classifier: from (N, 3, size, size) to (N, K) or (N, K, 1, 1), without padding.
            size: rows and columns of a patch; odd, so that a patch has a pixel in its middle.

        Raises:
            InputError: an even size.
            NotExact: a classifier that no dense map can equal; the message says why.
        """
        super().__init__()
        if size % 2 == 0:
            raise InputError(
                "an odd patch size, whose middle is a pixel", f"size = {size}", f"pass size={size - 1} or {size + 1}"
            )
        self.size = size
        self.dense = densify(classifier, size)

    @property
    def classifier(self) -> nn.Module:
        """The classifier of single patches."""
        return self.dense.model

    def forward(self, images: Images) -> Float[Tensor, "B K h w"]:
        """Scores before the softmax, (B, K, H - size + 1, W - size + 1), the same in training and evaluation.

        Raises:
            InputError: an image smaller than a patch.
        """
        height, width = images.shape[-2:]
        if height < self.size or width < self.size:
            raise InputError(
                f"images of at least one patch, {self.size}x{self.size}",
                f"{height}x{width}",
                f"mirror-pad it to {max(height, self.size)}x{max(width, self.size)}, or build with a smaller size",
            )
        return cast(Tensor, self.dense(images))


def patch_classifier(num_classes: int, size: int, width: int = 48, hidden: int = 200) -> nn.Sequential:
    """A classifier of patches, (N, 3, size, size) to (N, K): convolutions and maxima over 2x2, then two layers.

    A map of odd side gets a 4x4 convolution, one of even side a 5x5, so that the poolings divide evenly and the
    classifier sees every pixel of its patch; stages follow while they leave a map of 3x3. For 95 pixels these are the
    kernels of the paper's largest network (95, 46, 21, 9, 3 pixels a side). Nothing is padded and nothing normalised;
    the units are rectified linear, and images have three colours.

    Raises:
        InputError: a patch too small for one stage, or a number below 1.

    >>> [layer.kernel_size[0] for layer in patch_classifier(2, 95) if isinstance(layer, nn.Conv2d)]
    [4, 5, 4, 4]
    """
    for name, value in (("num_classes", num_classes), ("width", width), ("hidden", hidden)):
        if value < 1:
            raise InputError(f"a patch classifier with {name} >= 1", f"{name} = {value}", f"pass {name}=1 or more")
    layers: list[nn.Module] = []
    side, channels = size, 3
    while (left := after_stage(side)) >= SMALLEST_MAP:
        layers += [nn.Conv2d(channels, width, kernel_for(side)), nn.ReLU(inplace=True), nn.MaxPool2d(2)]
        side, channels = left, width
    if not layers:
        raise InputError("patches of at least 9 pixels", f"size = {size}", "pass size=9 or more; 65 is usual")
    layers += [nn.Flatten(), nn.Linear(width * side**2, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, num_classes)]
    for layer in layers:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            # He et al. 2015, section 2.2: keeps the scale of the signal through rectified layers without normalisation.
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(cast(Tensor, layer.bias))
    return nn.Sequential(*layers)


def kernel_for(side: int) -> int:
    """The kernel after which a map of this side halves evenly: 4 for odd sides, 5 for even ones."""
    return 4 if side % 2 else 5


def after_stage(side: int) -> int:
    """Side of the map after one convolution and one pooling.

    >>> after_stage(95), after_stage(46)
    (46, 21)
    """
    return (side - kernel_for(side) + 1) // 2


def patch(num_classes: int, size: int = 65, width: int = 48, hidden: int = 200) -> PatchSegmenter:
    """The sliding-window classifier of Ciresan et al. 2012 as a segmenter.

    Trained with crop=size it sees pairs of a patch and the class of its middle, with a larger crop all patches of the
    crop at once.

    Args:
        num_classes: K.
        size: rows and columns of a patch; odd, at least 9. The paper's windows are 65 and 95 pixels wide.
        width: maps of each convolution.
        hidden: neurons of the fully-connected layer.

    Raises:
        InputError: an even or too small size, or a number below 1.
    """
    return PatchSegmenter(patch_classifier(num_classes, size, width, hidden), size)
