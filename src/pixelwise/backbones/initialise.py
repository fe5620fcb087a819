"""The initial weights that the published classifiers were trained from."""

from torch import nn


def initialise(network: nn.Module) -> None:
    """Draws convolutions from Gaussians of variance 2 / (outgoing taps); their biases are 0.

    Source: He, Zhang, Ren, Sun 2015, "Delving Deep into Rectifiers", equation 14, the form for backward signals. Batch
    normalisation starts as scale 1 and shift 0, which torch does by itself.
    """
    for part in network.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
            if part.bias is not None:
                nn.init.zeros_(part.bias)
