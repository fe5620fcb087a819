"""pixelwise train segmentation: from a folder of images and label maps to a run."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from pixelwise.cli.screen import note, wrote
from pixelwise.cli.training_run import model_settings_of, run_training
from pixelwise.evaluation import Scores
from pixelwise.training.segmentation.loss_terms import loss_terms

Loss = Annotated[str, Parameter(validator=lambda _, text: _known(text))]
Settings = Annotated[list[str], Parameter(name="--set", negative="")]


def segmentation(
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
    attributes: Path | None = None,
    width: int | None = None,
    depth: int | None = None,
    model_settings: Settings | None = None,
    crop: int | None = None,
    batch_size: int | None = None,
    crops_per_image: int | None = None,
    augment: Literal["none", "light", "strong"] | None = None,
    turns: bool | None = None,
    sampling: Literal["uniform", "balanced"] | None = None,
    loss: Loss | None = None,
    deep_supervision: float | None = None,
    class_weights: Literal["none", "balanced"] | None = None,
    random_backgrounds: float | None = None,
    robust: Literal["none", "group_dro", "vrex", "irm", "coral"] | None = None,
    groups: str | None = None,
    robust_weight: float | None = None,
    robust_start: float | None = None,
    optimizer: Literal["sgd", "rmsprop", "adam", "adamw"] | None = None,
    learning_rate: float | None = None,
    weight_decay: float | None = None,
    schedule: Literal["constant", "poly", "cosine"] | None = None,
    ema: float | None = None,
    holdout: float | None = None,
    keep: Literal["best", "last"] | None = None,
    precision: Literal["32", "bf16", "16"] | None = None,
    seed: int | None = None,
    device: str = "auto",
    workers: int | None = None,
    memory: str = "1GB",
) -> None:
    """Train a class for every pixel, from images and label maps.

    Example: pixelwise train segmentation my_images --model unet --epochs 40 --out run

    Parameters
    ----------
    data
        A folder with images/ and labels/ (or train/, val/, test/ with both).
    out
        The run folder to make.
    model
        Name in the catalog: unet (default) or unet_paper.
    weights
        Trained weights to start from, as far as they fit: a run folder, a file, or published ones (resnet50, vgg16).
    freeze
        Stages of the encoder, from the image on, that keep their weights (0).
    encoder_rate
        Learning rate of the encoder as a multiple of the others' (1).
    epochs
        Passes over the training images (40).
    resume
        Continue the run in --out after its last finished epoch; no other option is needed.
    classes
        File of class names, one per line: `name`, `value name` or `first-last name`.
    splits
        CSV with the columns file,split.
    attributes
        CSV of attributes for --groups, keyed by file name in its first column; default: attributes.csv of the folder.
    width
        Channels of the network's first level (32).
    depth
        Levels of the network (4).
    model_settings
        A setting of the model's own, NAME=VALUE, such as upsampling=bilinear; may be given several times.
    crop
        Height and width of training crops in pixels (256).
    batch_size
        Crops per step (8).
    crops_per_image
        Crops drawn from each image in an epoch (1).
    augment
        none, light (flips, size, light; the default) or strong (also rotation, shear, elastic, blur).
    turns
        Also vertical flips and quarter turns, for images without an "up".
    sampling
        Crops from anywhere (uniform, default), or around pixels drawn evenly by class (balanced).
    loss
        One or a sum of cross_entropy (default), cross_entropy_sum, dice, border_cross_entropy and boundary, with
        weights where wanted: dice+0.01*boundary.
    deep_supervision
        Weight of the losses of a network's side outputs, such as 0.4; 0 (default) leaves them out.
    class_weights
        Of the cross-entropy: none (default), or balanced by the classes' shares of pixels.
    random_backgrounds
        How often the objects of a crop go before the background of another training image, 0 (default) to 1.
    robust
        Training over the groups of --groups, drawn evenly: group_dro (the worst group counts most), vrex, irm or coral
        (what differs between groups is paid for); none (default) trains plainly.
    groups
        Column of attributes.csv whose values are the groups; light*background crosses two.
    robust_weight
        Step of group_dro's weights (0.01), or weight of the penalty of vrex (10), irm (100) or coral (1).
    robust_start
        Share of the steps that train plainly before the penalty of vrex or irm counts (0.1).
    optimizer
        adamw (default), adam, sgd or rmsprop.
    learning_rate
        Highest learning rate (0.001).
    weight_decay
        Weight decay (0.0001).
    schedule
        Learning rate over time: cosine (default), poly or constant.
    ema
        Decay of a moving average of the weights, such as 0.99; 0 (default) is off.
    holdout
        Share of train kept for validation where there is no val split (0.2).
    keep
        Weights of the run: best on validation (default; with --robust, of its worst group) or last.
    precision
        32 (default), bf16 or 16.
    seed
        One number for every random draw (0).
    device
        auto, cpu or cuda.
    workers
        Processes that read images.
    memory
        Budget for predicting validation images.
    """
    given = {
        "model": model,
        "weights": weights,
        "freeze": freeze,
        "encoder_rate": encoder_rate,
        "epochs": epochs,
        "crop": crop,
        "batch_size": batch_size,
        "crops_per_image": crops_per_image,
        "augment": augment,
        "turns": turns,
        "sampling": sampling,
        "loss": loss,
        "deep_supervision": deep_supervision,
        "class_weights": class_weights,
        "random_backgrounds": random_backgrounds,
        "robust": robust,
        "groups": groups,
        "robust_weight": robust_weight,
        "robust_start": robust_start,
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "schedule": schedule,
        "ema": ema,
        "holdout": holdout,
        "keep": keep,
        "precision": precision,
        "seed": seed,
        "model_settings": model_settings_of({"width": width, "depth": depth}, model_settings or []),
    }
    run = run_training(
        "segmentation",
        data,
        out,
        given,
        resume=resume,
        classes=classes,
        splits=splits,
        attributes=attributes,
        device=device,
        workers=workers,
        memory=memory,
    )
    if isinstance(run.scores, Scores):
        note(f"validation: mean IoU {run.scores.mean_iou:.3f} (majority {run.scores.majority_mean_iou:.3f})")
    wrote(out / "report.html", f"pixelwise predict {out} IMAGE... --out predictions")


def _known(text: str | None) -> None:
    """Lets the command line refuse a loss that does not exist, as it does wrong words of other options."""
    if text is not None:
        loss_terms(text)
