"""The settings of a segmentation recipe, each with its default and the reason for it."""

from dataclasses import dataclass, field
from typing import Any, Literal

from pixelwise.training.segmentation.loss_terms import loss_terms
from pixelwise.training.segmentation.robust_settings import check_robust
from pixelwise.training.setting_checks import Ranges, check_fixed_stages, check_settings, settings_of


@dataclass(frozen=True, kw_only=True)
class SegmentationSettings:
    """Everything that decides what a training run computes, and nothing that only decides where and how fast.

    One flat record on purpose: it is the list of options of `pixelwise train segmentation`, and what run.json keeps.
    """

    model: str = "unet"
    """Name in the catalog."""
    model_settings: dict[str, Any] = field(default_factory=dict)
    """Keyword arguments of the model's builder, such as width and depth."""
    weights: str = ""
    """Trained weights to start from: a run folder, a file or a published name; empty starts from random ones."""
    freeze: int = 0
    """Stages of the encoder, from the image on, that keep their weights."""
    encoder_rate: float = 1.0
    """Learning rate of the encoder as a multiple of the others'; below 1 keeps what it has learned before."""
    epochs: int = 40
    """Passes over the training images."""
    batch_size: int = 8
    """Crops per step."""
    crop: int = 256
    """Height and width of a training crop in pixels; rounded up to a size the model accepts."""
    crops_per_image: int = 1
    """Crops drawn from each image in an epoch; more for few, large images."""
    augment: Literal["none", "light", "strong"] = "light"
    """Joint augmentation: none (crops only), light (flips, colour), strong (also rotation, scale, elastic)."""
    turns: bool = False
    """Also vertical flips and quarter turns: for images without an "up", such as microscopy."""
    sampling: Literal["uniform", "balanced"] = "uniform"
    """Where crops lie: anywhere, or around pixels drawn evenly by class, for classes that cover little."""
    loss: str = "cross_entropy"
    """Training loss: names joined by +, with weights such as 0.01*boundary; `loss_terms` beside this file has them."""
    deep_supervision: float = 0.0
    """Weight of the losses of a network's side outputs, such as 0.4; 0 leaves them out."""
    class_weights: Literal["none", "balanced"] = "none"
    """Weights of the cross-entropy: balanced divides by each class's share of pixels (square root, to stay calm)."""
    random_backgrounds: float = 0.0
    """How often a crop's objects are put on the background of another training image; 0 leaves all as they are."""
    robust: Literal["none", "group_dro", "vrex", "irm", "coral"] = "none"
    """Training over groups: the worst group counts most, or what differs between groups is paid for."""
    groups: str = ""
    """What makes the groups: a column of attributes.csv, or several crossed, such as light*background."""
    robust_weight: float = 0.0
    """Step of the group weights (group_dro), or weight of the penalty; 0 takes the method's own, `WEIGHTS`."""
    robust_start: float = 0.1
    """Share of the steps before the penalty of vrex and irm counts: DomainBed's 500 of 5,000."""
    optimizer: Literal["sgd", "rmsprop", "adam", "adamw"] = "adamw"
    """Optimiser; sgd and rmsprop use momentum 0.9."""
    learning_rate: float = 1e-3
    """Highest learning rate."""
    weight_decay: float = 1e-4
    """Weight decay, on all parameters."""
    schedule: Literal["constant", "poly", "cosine"] = "cosine"
    """Learning rate over the steps: poly is (1 - t) ** 0.9 (Chen et al. 2017, DeepLab), cosine falls to 0."""
    ema: float = 0.0
    """Decay of an exponential moving average of the weights, such as 0.99; 0 switches it off."""
    holdout: float = 0.2
    """Share of the training images kept for validation where the data has no val split; 0 validates on nothing."""
    keep: Literal["best", "last"] = "best"
    """Weights of the run: best mean IoU on validation (with `robust`, of its worst group), or the last epoch's."""
    seed: int = 0
    """One number for weights, order, crops and augmentation."""
    precision: Literal["32", "bf16", "16"] = "32"
    """Arithmetic: 32-bit, or mixed precision with bfloat16 or float16 (float16 needs a GPU)."""

    def __post_init__(self) -> None:
        """Checks every setting.

        Raises:
            InputError: a value of another kind, or out of range, layers kept fixed that have learned nothing, or
                settings of groups that do not go together.
        """
        check_settings(self, RANGES)
        terms = loss_terms(self.loss)
        check_robust(self, [term.name for term in terms])
        check_fixed_stages(self.freeze, self.weights)


RANGES: Ranges = {
    "freeze": (0, 5),
    "encoder_rate": (0, 1),
    "epochs": (1, 100_000),
    "batch_size": (1, 4096),
    "crop": (8, 8192),
    "crops_per_image": (1, 100_000),
    "deep_supervision": (0, 10),
    "random_backgrounds": (0, 1),
    "robust_weight": (0, 1e6),
    "robust_start": (0, 0.9),
    "learning_rate": (1e-12, 100),
    "weight_decay": (0, 10),
    "ema": (0, 0.99999),
    "holdout": (0, 0.9),
    "seed": (0, 2**31 - 1),
}


def settings_from(given: dict[str, Any]) -> SegmentationSettings:
    """Settings with the given ones replaced; the rest keep their defaults.

    Raises:
        InputError: a name that is no setting, or a value out of range.
    """
    return settings_of(SegmentationSettings, given)
