"""pixelwise train flow: from a folder of image pairs with their motion to a run."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from pixelwise.cli.screen import note, wrote
from pixelwise.cli.training_run import model_settings_of, run_training
from pixelwise.evaluation import FlowScores

Settings = Annotated[list[str], Parameter(name="--set", negative="")]


def flow(
    data: Path,
    /,
    *,
    out: Path,
    model: str | None = None,
    weights: str | None = None,
    epochs: int | None = None,
    resume: bool = False,
    splits: Path | None = None,
    width: int | None = None,
    model_settings: Settings | None = None,
    crop_height: int | None = None,
    crop_width: int | None = None,
    batch_size: int | None = None,
    augment: Literal["none", "light", "strong"] | None = None,
    reduction: Literal["sum", "mean"] | None = None,
    optimizer: Literal["adam", "adamw"] | None = None,
    learning_rate: float | None = None,
    weight_decay: float | None = None,
    schedule: Literal["halvings", "constant", "poly", "cosine"] | None = None,
    warm_up: int | None = None,
    clip: float | None = None,
    ema: float | None = None,
    holdout: float | None = None,
    validate_every: int | None = None,
    keep: Literal["best", "last"] | None = None,
    precision: Literal["32", "bf16", "16"] | None = None,
    seed: int | None = None,
    device: str = "auto",
    workers: int | None = None,
) -> None:
    """Train the motion of every pixel, from pairs of images with their flow.

    Example: pixelwise train flow flying --model flownet_c --width 16 --learning-rate 0.0005 --out run

    Parameters
    ----------
    data
        A folder of pairs: FlyingChairs, Sintel, KITTI, Middlebury, or images/, second/ and flow/ (as generated).
    out
        The run folder to make.
    model
        flownet_c (default) or flownet_s.
    weights
        Trained weights to start from: a run folder or a file.
    epochs
        Passes over the training pairs (20).
    resume
        Continue the run in --out after its last finished epoch; no other option is needed.
    splits
        CSV with the columns file,split.
    width
        Channels of the network's first layer (64); 16 trains on two cores.
    model_settings
        A setting of the model's own, NAME=VALUE, such as max_displacement=10; may be given several times.
    crop_height
        Rows of training crops (192).
    crop_width
        Columns of training crops (256).
    batch_size
        Pairs per step (8).
    augment
        none, light (flips, size, light; the default) or strong (also rotation, motion of the second image, noise).
    reduction
        Of the multi-scale loss: sum (default) or mean, each with the weights published for it.
    optimizer
        adam (default) or adamw.
    learning_rate
        Highest learning rate (0.0001); narrow networks take several times more.
    weight_decay
        Weight decay (0.0004).
    schedule
        Learning rate over time: halvings (default), constant, poly or cosine.
    warm_up
        First steps over which the learning rate rises (0).
    clip
        Largest norm of the gradient; 0 sets no limit (10).
    ema
        Decay of a moving average of the weights, such as 0.999; 0 (default) is off.
    holdout
        Share of train kept for validation where there is no val split (0.1).
    validate_every
        Passes between two looks at the validation pairs (1).
    keep
        Weights of the run: lowest end-point error on validation (default: best) or last.
    precision
        32 (default), bf16 or 16.
    seed
        One number for every random draw (0).
    device
        auto, cpu or cuda.
    workers
        Processes that read pairs.
    """
    given = {
        "model": model,
        "weights": weights,
        "epochs": epochs,
        "crop_height": crop_height,
        "crop_width": crop_width,
        "batch_size": batch_size,
        "augment": augment,
        "reduction": reduction,
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "schedule": schedule,
        "warm_up": warm_up,
        "clip": clip,
        "ema": ema,
        "holdout": holdout,
        "validate_every": validate_every,
        "keep": keep,
        "precision": precision,
        "seed": seed,
        "model_settings": model_settings_of({"width": width}, model_settings or []),
    }
    run = run_training("flow", data, out, given, resume=resume, splits=splits, device=device, workers=workers)
    if isinstance(run.scores, FlowScores):
        note(f"validation: EPE {run.scores.epe:.2f} px (no motion: {run.scores.epe_of_no_motion:.2f} px)")
    wrote(out / "report.html", f"pixelwise predict {out} FIRST SECOND --out predictions")
