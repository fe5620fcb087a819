"""What training any network has in common; a task adds its steps. The loop around it is Lightning's."""

from collections.abc import Sequence
from typing import Any

import lightning.pytorch as lightning
import torch
from torch import Tensor, nn

from pixelwise.errors import InputError
from pixelwise.models.stages import first_stages, keep_fixed
from pixelwise.training.draws import generator_for
from pixelwise.training.loop import Loop
from pixelwise.training.optimisers import RateSettings, optimisation


class LearningTask(lightning.LightningModule):
    """Fixed stages, draws, optimiser, and a look at every loss and weight; a task adds its steps."""

    def __init__(self, network: nn.Module, settings: RateSettings, loop: Loop, total_steps: int) -> None:
        """Fixes the stages that the settings name.

        Args:
            network: whose weights learn; a part of the task under a name of the task's choice.
            settings: of the recipe.
            loop: how the run goes round its data.
            total_steps: of the whole run.

        Raises:
            InputError: the network has fewer stages than are to be fixed.
        """
        super().__init__()
        # In tuples, so that they do not appear a second time among the task's parts.
        self.networks = (network,)
        self.fixed = first_stages(network, settings.freeze)
        for layer in self.fixed:
            layer.requires_grad_(False)
        self.rates = settings
        self.loop = loop
        self.total_steps = total_steps

    def on_train_epoch_start(self) -> None:
        """Starts dropout's draws anew each epoch, so that a run resumed there continues with the same ones.

        Stages that are kept fixed are taken out of training again, into which the loop puts everything.
        """
        keep_fixed(self.fixed)
        torch.manual_seed(generator_for(self.loop.seed, self.current_epoch, 2).initial_seed())

    def checked(self, loss: Tensor, names: Sequence[str]) -> Tensor:
        """The loss, logged.

        Raises:
            InputError: it is not finite; the files are named.
        """
        if not torch.isfinite(loss):
            raise InputError(
                "a finite loss",
                f"{loss.item()} in epoch {self.current_epoch + 1} on {', '.join(names)}",
                "lower --learning-rate, or look at these files; --resume continues from the last finished epoch",
            )
        self.log("loss", loss, on_step=False, on_epoch=True, prog_bar=True, batch_size=len(names))
        return loss

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

    def configure_optimizers(self) -> Any:
        """The named optimiser, its learning rate following the named schedule step by step."""
        return optimisation(self.networks[0], self.rates, self.total_steps, self.loop.warm_up)
