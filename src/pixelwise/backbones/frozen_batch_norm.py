"""Batch normalisation that nothing changes: for encoders trained on other data, and batches too small for statistics.

As in Ren, He, Girshick, Sun 2015 ("Faster R-CNN") after He et al. 2016, appendix A: statistics and scales stay those of
the pre-training.
"""

import copy
from typing import TypeVar, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pixelwise.backbones.loading import COUNTERS
from pixelwise.errors import InputError

Network = TypeVar("Network", bound=nn.Module)


class FrozenBatchNorm2d(nn.Module):
    """Features less the stored mean, over the stored deviation, scaled and shifted: `nn.BatchNorm2d` in evaluation.

    The four numbers per channel are buffers: no optimiser sees them, and training mode changes nothing. They have the
    names that `nn.BatchNorm2d` gives them; its step counter is dropped when a state dict has it.
    """

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, eps: float | int = 1e-5) -> None:
        """Builds the identity, but for eps.

        Args:
            channels: C.
            eps: what is added to the variance; 1e-5 is the published networks'.
        """
        super().__init__()
        self.eps = float(eps)
        self.register_buffer("weight", torch.ones(channels))
        self.register_buffer("bias", torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        # torch does not declare the types of this method.
        self.register_load_state_dict_pre_hook(_drop_counter)  # type: ignore[no-untyped-call]

    def forward(self, features: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """(features - running_mean) / sqrt(running_var + eps) * weight + bias, channel by channel."""
        precise = features.dtype == self.weight.dtype and features.dtype in (torch.float32, torch.float64)
        if torch.is_grad_enabled() and features.requires_grad and precise:
            # One step whose gradient needs the scales alone; torch's own keeps the features, too, a third of the
            # memory of a training in float32. In half precision the scales would be rounded.
            scale = self.weight * (self.running_var + self.eps).rsqrt()
            shift = torch.addcmul(self.bias, self.running_mean, scale, value=-1)
            return torch.addcmul(shift[:, None, None], features, scale[:, None, None])
        # Not by way of torch.nn.functional, which in some releases of torch refuses the published eps of 0.
        mean, variance, cudnn = self.running_mean, self.running_var, torch.backends.cudnn.enabled
        return torch.batch_norm(features, self.weight, self.bias, mean, variance, False, 0.0, self.eps, cudnn)

    def extra_repr(self) -> str:
        """Shown by print."""
        return f"{len(self.weight)}, eps={self.eps}"


def frozen(module: Network) -> Network:
    """A copy of a network whose `BatchNorm2d` layers are all frozen; it computes what the network does in evaluation.

    Names and numbers in the state dict stay, but for the step counters. Layers that the network uses twice stay one.

    Raises:
        InputError: a layer keeps no statistics.
    """
    holder = nn.ModuleList([copy.deepcopy(module)])
    done: dict[nn.Module, FrozenBatchNorm2d] = {}
    for path, parent in list(holder.named_modules()):
        for name, child in list(parent._modules.items()):
            if isinstance(child, nn.BatchNorm2d):
                if child not in done:
                    done[child] = _frozen_layer(child, f"{path}.{name}".partition(".")[2])
                parent._modules[name] = done[child]
    return cast(Network, holder[0])


def _frozen_layer(layer: nn.BatchNorm2d, name: str) -> FrozenBatchNorm2d:
    if layer.running_mean is None or layer.running_var is None:
        raise InputError(
            "batch normalisation with stored statistics",
            f"{name or 'a layer'} with track_running_stats=False",
            "train the network with track_running_stats=True, so that there is something to freeze",
        )
    result = FrozenBatchNorm2d(layer.num_features, layer.eps).to(layer.running_mean)
    result.train(layer.training)
    result.running_mean.copy_(layer.running_mean)
    result.running_var.copy_(layer.running_var)
    if layer.affine:
        result.weight.copy_(layer.weight.detach())
        result.bias.copy_(layer.bias.detach())
    return result


def _drop_counter(module: nn.Module, state: dict[str, Tensor], prefix: str, *_: object) -> None:
    state.pop(prefix + COUNTERS, None)
