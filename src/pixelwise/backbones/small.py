"""A small classifier of patches, which pads nothing, so that its dense map is exact."""

from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

from pixelwise.backbones.initialise import initialise
from pixelwise.errors import InputError
from pixelwise.shapes import Size

SMALLEST_MAP = 2
"""Convolving and halving ends before fewer cells a side are left: one cell would know nothing of places."""

WIDEST = 4
"""Channels stop doubling at 4 times the first stage's, which keeps the network small at large patches."""

GREY, SPREAD = 0.5, 0.25
"""Images 0..1 are shifted and scaled to about -2..2, in which training is faster; round numbers as photos have."""


class SmallClassifier(nn.Module):
    """Class scores of one patch: stages of a 3x3 convolution without padding and a 2x2 maximum, two linear layers.

    In the manner of Ciresan, Giusti, Gambardella, Schmidhuber 2012, "Deep Neural Networks Segment Neuronal Membranes in
    Electron Microscopy Images". As nothing is padded and nothing looks at the whole patch but the linear layers,
    `pixelwise.dense.densify(network, patch)` gives its scores of all patches of an image at once, exactly.
    """

    def __init__(self, num_classes: int, width: int = 16, patch: int = 32, in_channels: int = 3) -> None:
        """Builds the network.

        Args:
            num_classes: K, the number of scores.
            width: channels of the first stage; they double twice.
            patch: height and width of the patches, at least 6.
            in_channels: channels of the patches, in 0..1.
        """
        super().__init__()
        for name, value, least in (
            *(("num_classes", num_classes, 1), ("width", width, 1)),
            *(("patch", patch, 2 * SMALLEST_MAP + 2), ("in_channels", in_channels, 1)),
        ):
            if value < least:
                raise InputError(
                    f"a small classifier with {name} >= {least}", f"{name} = {value}", f"pass {name}={least} or more"
                )
        self.patch = patch
        layers: list[nn.Module] = []
        cells, before = patch, in_channels
        while (cells - 2) // 2 >= SMALLEST_MAP:
            cells = (cells - 2) // 2
            after = min(width * 2 ** (len(layers) // 3), width * WIDEST)
            layers += [nn.Conv2d(before, after, 3), nn.ReLU(), nn.MaxPool2d(2)]
            before = after
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(before * cells * cells, width * WIDEST),
            nn.ReLU(),
            nn.Linear(width * WIDEST, num_classes),
        )
        initialise(self.features)

    def forward(self, patches: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K"]:
        """Scores before the softmax.

        Raises:
            InputError: the patches have another size.
        """
        size = patches.shape[-2], patches.shape[-1]
        if size != (self.patch, self.patch):
            _refuse(size, self.patch)
        return cast(Tensor, self.classifier(self.features((patches - GREY) / SPREAD)))


def _refuse(size: Size, patch: int) -> None:
    raise InputError(
        f"patches of {patch}x{patch} pixels",
        f"{size[0]}x{size[1]}",
        f"for larger images take pixelwise.dense.densify(network, {patch}), or build with patch={min(size)}",
    )
