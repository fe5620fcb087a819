"""The settings of a detection recipe, each with its default and the reason for it."""

from dataclasses import dataclass, field
from typing import Any, Literal

from pixelwise.errors import InputError
from pixelwise.training.setting_checks import Ranges, check_fixed_stages, check_settings, settings_of


@dataclass(frozen=True, kw_only=True)
class DetectionSettings:
    """Everything that decides what a training run computes, and nothing that only decides where and how fast.

    One flat record on purpose: it is the list of options of `pixelwise train detection`, and what run.json keeps.
    """

    model: str = "faster_rcnn_resnet18_fpn"
    """Name in the catalog; a mask_rcnn_... needs masks."""
    model_settings: dict[str, Any] = field(default_factory=dict)
    """Keyword arguments of the model's builder, such as width, fpn_channels, anchor_sizes, resize and norms."""
    weights: str = ""
    """Trained weights to start from: a run folder, a file or a published name; empty starts from random ones."""
    freeze: int = 0
    """Stages of the encoder, from the image on, that keep their weights."""
    encoder_rate: float = 1.0
    """Learning rate of the encoder as a multiple of the others'; below 1 keeps what it has learned before."""
    epochs: int = 40
    """Passes over the training images."""
    batch_size: int = 4
    """Images per step; batch normalisation that learns wants several."""
    crop: int = 0
    """Height and width of a training crop in pixels; 0 trains on whole images."""
    crops_per_image: int = 1
    """Crops drawn from each image in an epoch; more for few, large images."""
    scales: list[int] = field(default_factory=list)
    """Shortest sides in pixels, one of which is drawn for each batch; empty keeps the model's own resize rule."""
    augment: Literal["none", "light", "strong"] = "light"
    """Joint augmentation: none, light (flips, size, colour), strong (also rotation, larger changes)."""
    turns: bool = False
    """Also vertical flips and quarter turns: for images without an "up", such as microscopy."""
    sampling: Literal["uniform", "balanced"] = "uniform"
    """Images in turn, or around objects drawn evenly by class, for classes that are rare."""
    anchors_drawn: int = 256
    """Anchors of an image that the loss asks about, at most half of them with an object (Ren et al. 2015)."""
    regions_drawn: int = 512
    """Proposals of an image that the loss asks about (Lin et al. 2017); fewer are quicker."""
    regions_share: float = 0.25
    """Share of objects among them, at most (Girshick 2015)."""
    optimizer: Literal["sgd", "rmsprop", "adam", "adamw"] = "adamw"
    """Optimiser; sgd and rmsprop use momentum 0.9."""
    learning_rate: float = 1e-3
    """Highest learning rate."""
    weight_decay: float = 1e-4
    """Weight decay, on all parameters."""
    schedule: Literal["constant", "poly", "cosine"] = "cosine"
    """Learning rate over the steps: poly is (1 - t) ** 0.9 (Chen et al. 2017, DeepLab), cosine falls to 0."""
    warm_up: int = 100
    """First steps over which the learning rate rises: boxes far off at the start give large gradients."""
    clip: float = 10.0
    """Largest norm of the gradient of all weights together; 0 sets no limit."""
    ema: float = 0.0
    """Decay of an exponential moving average of the weights, such as 0.99; 0 switches it off."""
    validate_every: int = 1
    """Epochs from one look at the validation images to the next."""
    holdout: float = 0.2
    """Share of the training images kept for validation where the data has no val split; 0 validates on nothing."""
    keep: Literal["best", "last"] = "best"
    """Weights of the run: highest AP on validation (of masks where there are any), or those of the last epoch."""
    seed: int = 0
    """One number for weights, order, draws and augmentation."""
    precision: Literal["32", "bf16", "16"] = "32"
    """Arithmetic: 32-bit, or mixed precision with bfloat16 or float16 (float16 needs a GPU)."""

    def __post_init__(self) -> None:
        """Checks every setting.

        Raises:
            InputError: a value of another kind, or out of range, or layers kept fixed that have learned nothing.
        """
        check_settings(self, RANGES)
        if any(isinstance(side, bool) or not isinstance(side, int) or not 8 <= side <= 8192 for side in self.scales):
            raise InputError("scales as whole numbers of pixels from 8 to 8192", f"{self.scales}", "scales=[320, 400]")
        check_fixed_stages(self.freeze, self.weights)


RANGES: Ranges = {
    "freeze": (0, 5),
    "encoder_rate": (0, 1),
    "epochs": (1, 100_000),
    "batch_size": (1, 4096),
    "crop": (0, 8192),
    "crops_per_image": (1, 100_000),
    "anchors_drawn": (2, 100_000),
    "regions_drawn": (2, 100_000),
    "regions_share": (0.01, 1),
    "learning_rate": (1e-12, 100),
    "weight_decay": (0, 10),
    "warm_up": (0, 1_000_000),
    "clip": (0, 1e6),
    "ema": (0, 0.99999),
    "validate_every": (1, 100_000),
    "holdout": (0, 0.9),
    "seed": (0, 2**31 - 1),
}


def detection_settings(given: dict[str, Any]) -> DetectionSettings:
    """Settings with the given ones replaced; the rest keep their defaults.

    Raises:
        InputError: a name that is no setting, or a value out of range.
    """
    return settings_of(DetectionSettings, given)
