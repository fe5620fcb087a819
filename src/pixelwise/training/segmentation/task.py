"""What is special about training a segmenter: its loss and its scores."""

import torch
from torch import Tensor

from pixelwise.dense import TiledModel
from pixelwise.dense.tiles.memory import parse_bytes
from pixelwise.errors import InputError
from pixelwise.losses.deep_supervision import deep_supervision
from pixelwise.metrics import confusion_matrix, intersection_over_union, mean_iou, pixel_accuracy
from pixelwise.models.normalise import Normalised, channels_last
from pixelwise.shapes import Scores
from pixelwise.training.draws import generator_for
from pixelwise.training.learning_task import LearningTask
from pixelwise.training.loop import Loop
from pixelwise.training.segmentation.crops import Batch, WholeImage, collate
from pixelwise.training.segmentation.group_risks import Grouped, RobustLoss, rows_of
from pixelwise.training.segmentation.group_scores import WORST, GroupScores
from pixelwise.training.segmentation.last_features import features_before
from pixelwise.training.segmentation.loss_terms import total_loss
from pixelwise.training.segmentation.settings import SegmentationSettings
from pixelwise.training.segmentation.side_scores import check_side_scores, side_scores
from pixelwise.training.segmentation.truth import Truth

FLOAT_BYTES = 4


def loop_of(settings: SegmentationSettings) -> Loop:
    """How a segmentation run goes round its data."""
    return Loop(
        settings.epochs,
        settings.batch_size,
        settings.seed,
        settings.precision,
        settings.ema,
        collate,
        watched="val_mean_iou" if settings.robust == "none" else WORST,
    )


class SegmentationTask(LearningTask):
    """One training step, one validation image, and what is logged of them."""

    def __init__(
        self,
        model: Normalised,
        settings: SegmentationSettings,
        classes: tuple[str, ...],
        class_weights: Tensor | None,
        total_steps: int,
        memory: str | int,
        robust: RobustLoss | None = None,
    ) -> None:
        super().__init__(model.model, settings, loop_of(settings), total_steps)
        if settings.deep_supervision > 0:
            check_side_scores(model.model)
        self.model = channels_last(model)
        self.settings = settings
        self.classes = classes
        self.register_buffer("class_weights", class_weights, persistent=False)
        self.robust = robust
        self.group_scores = None if robust is None else GroupScores(robust.groups, len(classes))
        self.tiles = TiledModel(self.model, memory)
        self.budget = parse_bytes(memory)
        self.confusion = torch.zeros(len(classes), len(classes), dtype=torch.int64)

    def loss(self, scores: Scores, truth: Truth) -> Tensor:
        """The loss that the settings name."""
        weights = self.class_weights if isinstance(self.class_weights, Tensor) else None
        return total_loss(self.settings.loss, scores, truth, weights)

    def on_train_batch_start(self, batch: Batch | InputError, number: int) -> None:
        """Forgets the optimiser's moments where the weight of a penalty rises: they are of another loss."""
        if self.robust is not None and self.global_step == self.robust.starts > 0:
            for optimizer in self.trainer.optimizers:
                optimizer.state.clear()

    def training_step(self, batch: Batch | InputError, number: int) -> Tensor:
        """The loss of one batch.

        Raises:
            InputError: a file could not be read, or the loss is not finite; it names the files.
        """
        if isinstance(batch, InputError):
            raise batch
        if self.robust is None:
            return self.checked(self._supervised(self._outputs(batch), batch.truth), batch.names)
        return self.checked(self._over_groups(batch, number, self.robust), batch.names)

    def _outputs(self, batch: Batch) -> tuple[Scores, ...]:
        """The main scores and, with deep supervision, those of the side outputs."""
        if self.settings.deep_supervision > 0:
            outputs = side_scores(self.model, batch.images)
        else:
            outputs = (self.model(batch.images),)
        # In float32 under mixed precision too: a sum over many pixels overflows half precision.
        return tuple(scores.float() for scores in outputs)

    def _supervised(self, outputs: tuple[Scores, ...], truth: Truth) -> Tensor:
        return deep_supervision([self.loss(scores, truth) for scores in outputs], self.settings.deep_supervision)

    def _over_groups(self, batch: Batch, number: int, robust: RobustLoss) -> Tensor:
        features = None
        if robust.last_layer:
            with features_before(self.model.model, robust.last_layer) as seen:
                outputs = self._outputs(batch)
            features = seen[-1].float()
        else:
            outputs = self._outputs(batch)

        def risk(rows: Tensor) -> Tensor:
            return self._supervised(tuple(scores[rows] for scores in outputs), batch.truth.taken(rows))

        height, width = outputs[0].shape[-2:]
        labels = batch.truth.cropped((height, width)).labels
        grouped = Grouped(rows_of(batch.groups, labels), outputs[0], labels, features)
        # 4 keeps these draws apart from those of crops.
        generator = generator_for(self.settings.seed, self.current_epoch, number, 4)
        loss: Tensor = robust(grouped, risk, self.global_step, generator)
        return loss

    def validation_step(self, whole: WholeImage, number: int) -> None:
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
        confusion = confusion_matrix(predicted, labels, len(self.classes))
        self.confusion += confusion
        if self.group_scores is not None:
            self.group_scores.add(number, confusion)

    def on_validation_epoch_end(self) -> None:
        """Logs the scores of all validation images together."""
        for name, iou in zip(self.classes, intersection_over_union(self.confusion).tolist(), strict=True):
            self.log(f"val_iou/{name}", iou)
        self.log("val_mean_iou", mean_iou(self.confusion).item(), prog_bar=True)
        self.log("val_pixel_accuracy", pixel_accuracy(self.confusion).item())
        self.confusion = torch.zeros_like(self.confusion)
        if self.group_scores is not None:
            self.log_dict(self.group_scores.taken())
