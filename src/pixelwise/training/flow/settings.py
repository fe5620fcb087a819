"""The settings of a flow recipe, each with its default and the reason for it."""

from dataclasses import dataclass, field
from typing import Any, Literal

from pixelwise.training.setting_checks import Ranges, check_settings, settings_of


@dataclass(frozen=True, kw_only=True)
class FlowSettings:
    """Everything that decides what a training run computes, and nothing that only decides where and how fast.

    One flat record on purpose: it is the list of options of `pixelwise train flow`, and what run.json keeps. The
    published recipe is that of S_long (Ilg et al. 2017; mmflow): width 64, batches of 8, 1.2 million steps.
    """

    model: str = "flownet_c"
    """Name in the catalog."""
    model_settings: dict[str, Any] = field(default_factory=dict)
    """Keyword arguments of the model's builder, such as width."""
    weights: str = ""
    """Trained weights to start from: a run folder or a file; empty starts from random ones."""
    epochs: int = 20
    """Passes over the training pairs."""
    batch_size: int = 8
    """Pairs per step (Dosovitskiy et al. 2015)."""
    crop_height: int = 192
    """Rows of a training crop; 320 in the published recipe, less here so that two cores can train."""
    crop_width: int = 256
    """Columns of a training crop; 448 in the published recipe."""
    augment: Literal["none", "light", "strong"] = "light"
    """What moves and colours change: none (crops only), light (flips, size, light), strong (as published)."""
    reduction: Literal["sum", "mean"] = "sum"
    """Of the multi-scale loss, with the weights that belong to it: see `pixelwise.losses.multiscale_epe`."""
    optimizer: Literal["adam", "adamw"] = "adam"
    """Optimiser, with torch's betas, which are the published ones."""
    learning_rate: float = 1e-4
    """Highest learning rate (Dosovitskiy et al. 2015); narrow networks take several times more."""
    weight_decay: float = 4e-4
    """Weight decay, on all parameters; published trainings leave biases out, which are one parameter in 7,000."""
    schedule: Literal["halvings", "constant", "poly", "cosine"] = "halvings"
    """Learning rate over the steps: halved after 1/2, 2/3 and 5/6 of them (300, 400 and 500 of 600 thousand)."""
    warm_up: int = 0
    """First steps over which the learning rate rises; for FlowNetC where its loss explodes."""
    clip: float = 10.0
    """Largest norm of the gradient of all weights together; 0 sets no limit. Without one, losses of narrow networks
    exploded at a learning rate of 8e-4, whose gradients have norms of 4 to 11."""
    ema: float = 0.0
    """Decay of an exponential moving average of the weights, such as 0.999; 0 switches it off."""
    holdout: float = 0.1
    """Share of the training pairs kept for validation where the data has no val split; 0 validates on nothing."""
    validate_every: int = 1
    """Passes over the training pairs between two looks at the validation pairs, which take long if there are many."""
    keep: Literal["best", "last"] = "best"
    """Weights of the run: lowest end-point error on validation pairs, or those of the last epoch."""
    seed: int = 0
    """One number for weights, order, crops and augmentation."""
    precision: Literal["32", "bf16", "16"] = "32"
    """Arithmetic: 32-bit, or mixed precision with bfloat16 or float16 (float16 needs a GPU)."""

    def __post_init__(self) -> None:
        """Checks every setting.

        Raises:
            InputError: a value of another kind, or out of range.
        """
        check_settings(self, RANGES)

    @property
    def freeze(self) -> int:
        """None of a flow network's layers are kept fixed."""
        return 0

    @property
    def encoder_rate(self) -> float:
        """All of a flow network's layers learn at one rate."""
        return 1.0


RANGES: Ranges = {
    "epochs": (1, 100_000),
    "batch_size": (1, 4096),
    "crop_height": (8, 8192),
    "crop_width": (8, 8192),
    "learning_rate": (1e-12, 100),
    "weight_decay": (0, 10),
    "warm_up": (0, 1_000_000),
    "clip": (0, 1e6),
    "ema": (0, 0.99999),
    "holdout": (0, 0.9),
    "validate_every": (1, 100_000),
    "seed": (0, 2**31 - 1),
}


def flow_settings_from(given: dict[str, Any]) -> FlowSettings:
    """Settings with the given ones replaced; the rest keep their defaults.

    Raises:
        InputError: a name that is no setting, or a value out of range.
    """
    return settings_of(FlowSettings, given)
