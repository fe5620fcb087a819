"""What is special about training a detector: its losses and its scores."""

from typing import Any

import torch
from torch import Tensor

from pixelwise.data.detection.objects import Objects
from pixelwise.errors import InputError
from pixelwise.inference.detector import Network
from pixelwise.losses.detection.sampling import PROPOSALS, REGIONS
from pixelwise.metrics.detection import DetectionScores, coco_scores
from pixelwise.models.detection.detect import detect
from pixelwise.models.detection.detector_losses import Lesson, detector_losses
from pixelwise.models.detection.mask_rcnn import MaskRCNN
from pixelwise.models.detection.resize import PUBLISHED_SIDES, Resize
from pixelwise.results import Detections
from pixelwise.training.detection.scenes import Scene, SceneBatch, collate_scenes
from pixelwise.training.detection.settings import DetectionSettings
from pixelwise.training.draws import generator_for
from pixelwise.training.learning_task import LearningTask
from pixelwise.training.loop import Loop


class DetectionTask(LearningTask):
    """One training step, one validation image, and what is logged of them."""

    def __init__(self, model: Network, settings: DetectionSettings, classes: tuple[str, ...], total_steps: int) -> None:
        masked = isinstance(model, MaskRCNN)
        loop = Loop(
            settings.epochs,
            settings.batch_size,
            settings.seed,
            settings.precision,
            settings.ema,
            collate_scenes,
            watched="val_mask_ap" if masked else "val_ap",
            clip=settings.clip,
            warm_up=settings.warm_up,
            validate_every=settings.validate_every,
        )
        super().__init__(model, settings, loop, total_steps)
        # torch documents this form of `to` but does not declare it for type checkers.
        self.model: Network = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.masked = masked
        self.settings = settings
        self.classes = classes
        self.lesson = Lesson(
            REGIONS._replace(number=settings.anchors_drawn),
            PROPOSALS._replace(number=settings.regions_drawn, share=settings.regions_share),
        )
        self.judged: list[tuple[Objects, Detections]] = []

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Images go to the device; objects stay, as the losses move what they need of them."""
        if isinstance(batch, SceneBatch):
            return batch._replace(images=[image.to(device) for image in batch.images])
        return batch._replace(image=batch.image.to(device)) if isinstance(batch, Scene) else batch

    def training_step(self, batch: SceneBatch | InputError, number: int) -> Tensor:
        """The loss of one batch.

        Raises:
            InputError: a file could not be read, or the loss is not finite; it names the files.
        """
        if isinstance(batch, InputError):
            raise batch
        losses = self._losses(batch, self._resize(number))
        for name, loss in losses.items():
            self.log(f"loss/{name}", loss, on_step=False, on_epoch=True, batch_size=len(batch.names))
        return self.checked(torch.stack(list(losses.values())).sum(), batch.names)

    def _losses(self, batch: SceneBatch, resize: Resize | None) -> dict[str, Tensor]:
        """The losses by name.

        Raises:
            InputError: the images are so small that batch normalisation has a single value to learn from.
        """
        try:
            return detector_losses(self.model, batch.images, batch.objects, None, resize, self.lesson)
        except ValueError as error:
            if "more than 1 value per channel" not in str(error):
                raise
            raise InputError(
                "batches in which batch normalisation has several values to learn from",
                f"images so small that one cell is left of them: {', '.join(batch.names)}",
                "use crops or images larger than 32 pixels, or --set norms=frozen",
            ) from error

    def _resize(self, number: int) -> Resize | None:
        """The rule of one batch; None is the model's own."""
        sides = self.settings.scales
        if not sides:
            return None
        # 4 keeps this draw apart from the others.
        generator = generator_for(self.settings.seed, self.current_epoch, number, 4)
        side = sides[int(torch.randint(len(sides), (), generator=generator))]
        return Resize(side, round(side * PUBLISHED_SIDES[1] / PUBLISHED_SIDES[0]))

    def validation_step(self, scene: Scene, number: int) -> None:
        """Adds one image's loss to the mean, with the same draws each time, and notes what was found in it."""
        generator = generator_for(self.settings.seed, number, 5)
        losses = detector_losses(self.model, [scene.image], [scene.objects], generator, None, self.lesson)
        self.log("val_loss", torch.stack(list(losses.values())).sum(), on_epoch=True, batch_size=1)
        self.judged.append((scene.objects, detect(self.model, [scene.image])[0]))

    def on_validation_epoch_end(self) -> None:
        """Logs the scores of all validation images together."""
        boxes = self._scores("boxes")
        self._log_scores("val", boxes)
        for name, value in boxes.ap_by_class_at(0.5).items():
            self.log(f"val_ap50/{name}", value)
        if self.masked:
            self._log_scores("val_mask", self._scores("masks"))
        self.judged = []

    def _scores(self, kind: Any) -> DetectionScores:
        truths, found = [objects for objects, _ in self.judged], [found for _, found in self.judged]
        return coco_scores(truths, found, self.classes, kind)

    def _log_scores(self, name: str, scores: DetectionScores) -> None:
        self.log(f"{name}_ap", scores.ap, prog_bar=True)
        self.log(f"{name}_ap50", scores.ap50)
