"""An encoder of which detection reads one level, as before feature pyramids."""

from jaxtyping import Float
from torch import Tensor, nn

from pixelwise.backbones import ResNet
from pixelwise.errors import InputError
from pixelwise.shapes import Images


class SingleLevelBackbone(nn.Module):
    """The features behind one stage of a ResNet: C4 with stride 16, or C5 with stride 32.

    Source: He et al. 2016, appendix A (C4: the last stage is computed for each region); Mask R-CNN, table 2d (C5).
    """

    def __init__(self, body: ResNet, stage: int = 4) -> None:
        """Takes the encoder over.

        Args:
            body: a ResNet; it is used, not copied, and loses what comes behind the stage. Whoever needs its last stage
                as a head takes it before.
            stage: 4 or 5, as the paper counts: the stage after the stem is 2.

        Raises:
            InputError: another stage.
        """
        super().__init__()
        if stage not in (4, 5):
            raise InputError("stage 4 or 5", f"stage = {stage}", "pass stage=4 for features of stride 16")
        self._level = stage - 2
        self.strides = (body.strides[self._level],)
        self.channels = (body.channels[self._level],)
        body.register_module("fc", nn.Identity())
        if stage == 4:
            body.register_module("layer4", nn.Identity())
        self.body = body

    def forward(self, images: Images) -> list[Float[Tensor, "B C _ _"]]:
        """One level in a list."""
        return [self.body.levels(images)[self._level]]
