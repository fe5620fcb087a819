"""U-Net on 256-pixel images: pixelwise as it trains and predicts, plain eager PyTorch, and the peers where installed.

Equal work: the same input, batch, loss and optimiser; parameters are printed, as peers' networks of "equal size"
differ in detail. benchmarks/README.md says how to have the peers measured too.
"""

import importlib.util
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.timing import THREADS, compare, machine, table
from pixelwise.models import UNet

SIDE, BATCH, CLASSES = 256, 4, 5
WIDTH, DEPTH = 32, 4
STEPS = 2


def networks() -> dict[str, nn.Module]:
    """The networks by name; the plain one is ours without the memory format."""
    ours = UNet(CLASSES, width=WIDTH, depth=DEPTH)
    plain = UNet(CLASSES, width=WIDTH, depth=DEPTH)
    found: dict[str, nn.Module] = {
        "plain eager PyTorch": plain,
        "pixelwise": ours.to(memory_format=torch.channels_last),  # type: ignore[call-overload]
    }
    if importlib.util.find_spec("monai"):
        from monai.networks.nets import BasicUNet

        # The same widths 32..512; its own defaults otherwise (instance norm, leaky ReLU).
        found["MONAI BasicUNet"] = BasicUNet(2, 3, CLASSES, features=(32, 64, 128, 256, 512, 32))
    if importlib.util.find_spec("segmentation_models_pytorch"):
        import segmentation_models_pytorch as smp

        found["smp Unet (resnet18)"] = smp.Unet("resnet18", encoder_weights=None, classes=CLASSES)
    return found


def step(model: nn.Module, images: torch.Tensor, labels: torch.Tensor, bfloat16: bool) -> Callable[[], None]:
    """A few training steps as a function without arguments."""
    optimizer = torch.optim.AdamW(model.parameters())

    def run() -> None:
        model.train()
        for _ in range(STEPS):
            with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                scores = model(images)
            optimizer.zero_grad()
            F.cross_entropy(scores.float(), labels).backward()
            optimizer.step()

    return run


def inference(model: nn.Module, images: torch.Tensor, _: torch.Tensor, bfloat16: bool) -> Callable[[], None]:
    """A few forward passes as a function without arguments."""

    def run() -> None:
        model.eval()
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            for _ in range(STEPS):
                model(images)

    return run


def main() -> None:
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    print(f"U-Net, {BATCH} images of {SIDE}x{SIDE}, {CLASSES} classes; {machine()}")
    images, labels = torch.rand(BATCH, 3, SIDE, SIDE), torch.randint(0, CLASSES, (BATCH, SIDE, SIDE))
    last = images.contiguous(memory_format=torch.channels_last)
    models = networks()
    for name, model in models.items():
        print(f"  {name}: {sum(p.numel() for p in model.parameters()) / 1e6:.1f} million parameters")
    for title, work in (("training step", step), ("inference", inference)):
        contestants = {
            name: work(model, last if name == "pixelwise" else images, labels, False) for name, model in models.items()
        }
        contestants["pixelwise, bfloat16"] = work(models["pixelwise"], last, labels, True)
        print(title)
        table(compare(contestants, rounds=5), BATCH * STEPS, "images", "plain eager PyTorch")


if __name__ == "__main__":
    main()
