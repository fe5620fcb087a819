"""An image in tiles: time and labels against the whole image, beside MONAI's sliding window where it is installed."""

import importlib.util
from collections.abc import Callable

import torch
import torch.nn.functional as F

from benchmarks.timing import THREADS, compare, machine, table
from pixelwise.data.pasture import Knobs, render
from pixelwise.dense import TiledModel
from pixelwise.models import UNet

SIDE, TILE = 1024, 256


def trained() -> UNet:
    """A small U-Net after a minute's training on Pasture: exactness is only worth something on a net with opinions."""
    torch.manual_seed(0)
    model = UNet(5, width=16, depth=3)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    for index in range(120):
        scenes = [render(Knobs(size=(96, 96)), 1, 8 * index + k) for k in range(8)]
        images = torch.stack([torch.from_numpy(s.image).movedim(-1, 0).float() / 255 for s in scenes])
        loss = F.cross_entropy(model(images), torch.stack([torch.from_numpy(s.labels) for s in scenes]).long())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


@torch.inference_mode()
def main() -> None:
    torch.set_num_threads(THREADS)
    with torch.inference_mode(False):
        model = trained()
    scene = render(Knobs(size=(96, 96)).enlarged((SIDE, SIDE)), 2, 0)
    image = torch.from_numpy(scene.image).movedim(-1, 0).float() / 255
    print(f"U-Net of width 16 and depth 3 on {SIDE}x{SIDE} pixels; {machine()}")
    whole, tiles = TiledModel(model, tile=SIDE), TiledModel(model, tile=TILE)
    print(f"  {tiles.field}")
    runs: dict[str, Callable[[], torch.Tensor]] = {
        "whole image": lambda: whole.run(image),
        f"pixelwise, tiles of {TILE}": lambda: tiles.run(image),
    }
    if importlib.util.find_spec("monai"):
        from monai.inferers import sliding_window_inference

        def monai(overlap: float, mode: str) -> Callable[[], torch.Tensor]:
            return lambda: sliding_window_inference(image[None], TILE, 1, model, overlap=overlap, mode=mode)[0]

        runs["MONAI, overlap 0.25, constant"] = monai(0.25, "constant")
        runs["MONAI, overlap 0.5, gaussian"] = monai(0.5, "gaussian")
    exact = model(image[None])[0]
    for name, run in runs.items():
        scores = run()
        flips = (scores.argmax(0) != exact.argmax(0)).float().mean()
        print(f"  {name:34} largest difference {(scores - exact).abs().max():.1e}, labels flipped {flips:.4%}")
    table(compare(runs, rounds=5), SIDE * SIDE / 1e6, "Mpx", "whole image")


if __name__ == "__main__":
    main()
