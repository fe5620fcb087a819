"""pixelwise train detection: from a folder of images with boxes or masks to a run."""

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from pixelwise.cli.screen import note, wrote
from pixelwise.cli.training_run import model_settings_of, run_training
from pixelwise.errors import InputError
from pixelwise.evaluation.detection import DetectionEvaluation

Settings = Annotated[list[str], Parameter(name="--set", negative="")]
Sides = Annotated[str, Parameter(validator=lambda _, text: sides_of(text))]


def detection(
    data: Path,
    /,
    *,
    out: Path,
    model: str | None = None,
    weights: str | None = None,
    freeze: int | None = None,
    encoder_rate: float | None = None,
    epochs: int | None = None,
    resume: bool = False,
    classes: Path | None = None,
    splits: Path | None = None,
    width: int | None = None,
    resize: Sides | None = None,
    model_settings: Settings | None = None,
    crop: int | None = None,
    batch_size: int | None = None,
    crops_per_image: int | None = None,
    scales: tuple[int, ...] | None = None,
    augment: Literal["none", "light", "strong"] | None = None,
    turns: bool | None = None,
    sampling: Literal["uniform", "balanced"] | None = None,
    anchors_drawn: int | None = None,
    regions_drawn: int | None = None,
    regions_share: float | None = None,
    optimizer: Literal["sgd", "rmsprop", "adam", "adamw"] | None = None,
    learning_rate: float | None = None,
    weight_decay: float | None = None,
    schedule: Literal["constant", "poly", "cosine"] | None = None,
    warm_up: int | None = None,
    clip: float | None = None,
    ema: float | None = None,
    validate_every: int | None = None,
    holdout: float | None = None,
    keep: Literal["best", "last"] | None = None,
    precision: Literal["32", "bf16", "16"] | None = None,
    seed: int | None = None,
    device: str = "auto",
    workers: int | None = None,
) -> None:
    """Train a detector of objects, from images with boxes, and with masks where they are there.

    Example: pixelwise train detection my_images --model mask_rcnn_resnet18_fpn --epochs 40 --out run

    Parameters
    ----------
    data
        A folder in COCO's, Pascal VOC's or YOLO's layout, one made by `pixelwise data make pasture`, or label maps
        that number objects.
    out
        The run folder to make.
    model
        Name in the catalog: faster_rcnn_resnet18_fpn (default); mask_rcnn_resnet18_fpn and others that start with
        mask_rcnn also learn masks.
    weights
        Trained weights to start from, as far as they fit: a run folder, a file, or published ones (resnet50).
    freeze
        Stages of the encoder, from the image on, that keep their weights (0).
    encoder_rate
        Learning rate of the encoder as a multiple of the others' (1).
    epochs
        Passes over the training images (40).
    resume
        Continue the run in --out after its last finished epoch; no other option is needed.
    classes
        File of class names, one per line; of label maps `first-last name`.
    splits
        CSV with the columns file,split.
    width
        Channels of the network's first stage (64).
    resize
        SHORTEST,LONGEST: the size at which the network sees an image, kept with the run; or none. Default: none up to
        images of 1333 pixels, else 800,1333.
    model_settings
        A setting of the model's own, NAME=VALUE, such as fpn_channels=64 or anchor_sizes=[8,16,32,64,128]; may be
        given several times. Without anchor_sizes they follow from the training objects.
    crop
        Height and width of training crops in pixels; 0 (default) trains on whole images.
    batch_size
        Images per step (4).
    crops_per_image
        Crops drawn from each image in an epoch (1).
    scales
        Shortest sides in pixels, one of which is drawn for each batch: --scales 320 --scales 400.
    augment
        none, light (flips, size, light; the default) or strong (also rotation).
    turns
        Also vertical flips and quarter turns, for images without an "up".
    sampling
        Images in turn (uniform, default), or around objects drawn evenly by class (balanced).
    anchors_drawn
        Anchors of an image that the loss asks about (256).
    regions_drawn
        Proposals of an image that the loss asks about (512).
    regions_share
        Share of objects among them, at most (0.25).
    optimizer
        adamw (default), adam, sgd or rmsprop.
    learning_rate
        Highest learning rate (0.001).
    weight_decay
        Weight decay (0.0001).
    schedule
        Learning rate over time: cosine (default), poly or constant.
    warm_up
        First steps over which the learning rate rises (100).
    clip
        Largest norm of the gradient; 0 sets no limit (10).
    ema
        Decay of a moving average of the weights, such as 0.99; 0 (default) is off.
    validate_every
        Epochs from one look at the validation images to the next (1).
    holdout
        Share of train kept for validation where there is no val split (0.2).
    keep
        Weights of the run: best on validation (default) or last.
    precision
        32 (default), bf16 or 16.
    seed
        One number for every random draw (0).
    device
        auto, cpu or cuda.
    workers
        Processes that read images.
    """
    own: dict[str, Any] = {"width": width}
    given = {
        "model": model,
        "weights": weights,
        "freeze": freeze,
        "encoder_rate": encoder_rate,
        "epochs": epochs,
        "crop": crop,
        "batch_size": batch_size,
        "crops_per_image": crops_per_image,
        "scales": None if scales is None else list(scales),
        "augment": augment,
        "turns": turns,
        "sampling": sampling,
        "anchors_drawn": anchors_drawn,
        "regions_drawn": regions_drawn,
        "regions_share": regions_share,
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "schedule": schedule,
        "warm_up": warm_up,
        "clip": clip,
        "ema": ema,
        "validate_every": validate_every,
        "holdout": holdout,
        "keep": keep,
        "precision": precision,
        "seed": seed,
        "model_settings": _with_sides(model_settings_of(own, model_settings or []), resize),
    }
    run = run_training(
        "detection", data, out, given, resume=resume, classes=classes, splits=splits, device=device, workers=workers
    )
    if isinstance(run.scores, DetectionEvaluation):
        note(f"validation: {run.scores.summary()}")
    wrote(out / "report.html", f"pixelwise predict {out} IMAGE... --out predictions")


def sides_of(text: str | None) -> list[int] | None:
    """Two whole numbers from "320,512"; None for "none" and for nothing.

    Raises:
        InputError: anything else.

    >>> sides_of("320,512"), sides_of("none")
    ([320, 512], None)
    """
    if text is None or text == "none":
        return None
    parts = text.split(",")
    if len(parts) != 2 or not all(part.strip().isdigit() and int(part) > 0 for part in parts):
        raise InputError("--resize SHORTEST,LONGEST in pixels, or none", repr(text), "such as --resize 320,512")
    return [int(part) for part in parts]


def _with_sides(own: dict[str, Any] | None, resize: str | None) -> dict[str, Any] | None:
    """The model's settings with the resize rule, where one was given; None is a rule, too."""
    return own if resize is None else {**(own or {}), "resize": sides_of(resize)}
