"""What is special about training a segmenter: loss, metrics, optimiser. The loop around it is Lightning's."""

import math
from collections.abc import Callable
from typing import Any

import lightning.pytorch as lightning
import torch
from torch import Tensor

from pixelwise.dense import TiledModel
from pixelwise.dense.tiles.memory import parse_bytes
from pixelwise.errors import InputError
from pixelwise.losses.deep_supervision import deep_supervision
from pixelwise.metrics import confusion_matrix, intersection_over_union, mean_iou, pixel_accuracy
from pixelwise.models.normalise import Normalised, channels_last
from pixelwise.models.stages import first_stages, keep_fixed
from pixelwise.shapes import Scores
from pixelwise.training.crops import Batch, WholeImage
from pixelwise.training.draws import generator_for
from pixelwise.training.loss_terms import total_loss
from pixelwise.training.parameter_groups import parameter_groups
from pixelwise.training.settings import SegmentationSettings
from pixelwise.training.side_scores import check_side_scores, side_scores
from pixelwise.training.truth import Truth

FLOAT_BYTES = 4
MOMENTUM = 0.9  # Chen et al. 2017 (DeepLab) and most of the field

OPTIMIZERS: dict[str, Callable[[list[dict[str, Any]], float, float], torch.optim.Optimizer]] = {
    "sgd": lambda groups, lr, decay: torch.optim.SGD(groups, lr, momentum=MOMENTUM, weight_decay=decay),
    "rmsprop": lambda groups, lr, decay: torch.optim.RMSprop(groups, lr, momentum=MOMENTUM, weight_decay=decay),
    "adam": lambda groups, lr, decay: torch.optim.Adam(groups, lr, weight_decay=decay),
    "adamw": lambda groups, lr, decay: torch.optim.AdamW(groups, lr, weight_decay=decay),
}

SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda _: 1.0,
    "poly": lambda done: (1 - done) ** 0.9,
    "cosine": lambda done: (1 + math.cos(math.pi * done)) / 2,
}


class SegmentationTask(lightning.LightningModule):
    """One training step, one validation image, and what is logged of them."""

    def __init__(
        self,
        model: Normalised,
        settings: SegmentationSettings,
        classes: tuple[str, ...],
        class_weights: Tensor | None,
        total_steps: int,
        memory: str | int,
    ) -> None:
        super().__init__()
        if settings.deep_supervision > 0:
            check_side_scores(model.model)
        self.model = channels_last(model)
        # In a tuple, so that they do not appear a second time among the task's parts.
        self.fixed = first_stages(model.model, settings.freeze)
        for layer in self.fixed:
            layer.requires_grad_(False)
        self.settings = settings
        self.classes = classes
        self.total_steps = total_steps
        self.register_buffer("class_weights", class_weights, persistent=False)
        self.tiles = TiledModel(self.model, memory)
        self.budget = parse_bytes(memory)
        self.confusion = torch.zeros(len(classes), len(classes), dtype=torch.int64)

    def loss(self, scores: Scores, truth: Truth) -> Tensor:
        """The loss that the settings name."""
        weights = self.class_weights if isinstance(self.class_weights, Tensor) else None
        return total_loss(self.settings.loss, scores, truth, weights)

    def on_train_epoch_start(self) -> None:
        """Starts dropout's draws anew each epoch, so that a run resumed there continues with the same ones.

        Stages that are kept fixed are taken out of training again, into which the loop puts everything.
        """
        keep_fixed(self.fixed)
        torch.manual_seed(generator_for(self.settings.seed, self.current_epoch, 2).initial_seed())

    def training_step(self, batch: Batch | InputError, _: int) -> Tensor:
        """The loss of one batch.

        Raises:
            InputError: a file could not be read, or the loss is not finite; it names the files.
        """
        if isinstance(batch, InputError):
            raise batch
        loss = self._supervised(batch)
        if not torch.isfinite(loss):
            raise InputError(
                "a finite loss",
                f"{loss.item()} in epoch {self.current_epoch + 1} on {', '.join(batch.names)}",
                "lower --learning-rate, or look at these files; --resume continues from the last finished epoch",
            )
        self.log("loss", loss, on_step=False, on_epoch=True, prog_bar=True, batch_size=len(batch.names))
        return loss

    def _supervised(self, batch: Batch) -> Tensor:
        weight = self.settings.deep_supervision
        outputs = side_scores(self.model, batch.images) if weight > 0 else (self.model(batch.images),)
        # In float32 under mixed precision too: a sum over many pixels overflows half precision.
        return deep_supervision([self.loss(scores.float(), batch.truth) for scores in outputs], weight)

    def on_train_epoch_end(self) -> None:
        """Looks at the weights before they are kept: the last step of an epoch may have spoilt them.

        Raises:
            InputError: a weight is not finite.
        """
        if not all(bool(weight.isfinite().all()) for weight in self.parameters()):
            raise InputError(
                "finite weights",
                f"not-a-number or infinity at the end of epoch {self.current_epoch + 1}",
                "start a new run with a lower --learning-rate",
            )

    def validation_step(self, whole: WholeImage, _: int) -> None:
        """Adds one image, uncut, to the confusion matrix, and its loss to the mean.

        An image whose scores alone would exceed the memory budget is labelled class by class and has no loss.
        """
        labels = whole.labels.cpu()
        if labels.numel() * len(self.classes) * FLOAT_BYTES > self.budget:
            predicted = self.tiles.run(whole.image, "argmax")
        else:
            scores = self.tiles.run(whole.image)
            predicted = scores.argmax(0)
            truth = Truth(labels.unsqueeze(0).long().to(self.device))
            loss = self.loss(scores.unsqueeze(0).to(self.device), truth)
            self.log("val_loss", loss, on_epoch=True, batch_size=1)
        self.confusion += confusion_matrix(predicted, labels, len(self.classes))

    def on_validation_epoch_end(self) -> None:
        """Logs the scores of all validation images together."""
        for name, iou in zip(self.classes, intersection_over_union(self.confusion).tolist(), strict=True):
            self.log(f"val_iou/{name}", iou)
        self.log("val_mean_iou", mean_iou(self.confusion).item(), prog_bar=True)
        self.log("val_pixel_accuracy", pixel_accuracy(self.confusion).item())
        self.confusion = torch.zeros_like(self.confusion)

    def configure_optimizers(self) -> Any:
        """The named optimiser, its learning rate following the named schedule step by step."""
        settings = self.settings
        groups = parameter_groups(self.model.model, settings.learning_rate, settings.encoder_rate)
        optimizer = OPTIMIZERS[settings.optimizer](groups, settings.learning_rate, settings.weight_decay)
        shape = SCHEDULES[settings.schedule]
        # The loop asks for one step past the last.
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: shape(min(1.0, step / self.total_steps)))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
