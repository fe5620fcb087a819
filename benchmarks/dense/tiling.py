"""An image in tiles: time, memory and labels against the whole image, beside MONAI's sliding window where installed.

Equal memory: our budget is what one of MONAI's windows takes, so that both run the network on the same largest window.
The peak of each is measured in a process of its own.
"""

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F

from benchmarks.dense.peak import peak_megabytes
from benchmarks.timing import THREADS, compare, machine, table
from pixelwise.data.pasture import Knobs, render
from pixelwise.dense import TiledModel
from pixelwise.dense.tiles.memory import ActivationMemory
from pixelwise.dense.tiles.plan import WORKING_COPIES
from pixelwise.models import UNet

SIDE, WINDOW = 2048, 512
CLASSES, WIDTH, DEPTH = 5, 16, 3
STEPS = 60
OURS, WHOLE = "pixelwise", "whole image"
PEERS = {
    "MONAI, overlap 0.25, gaussian": (0.25, "gaussian"),
    "MONAI, overlap 0.5, gaussian": (0.5, "gaussian"),
}
Run = Callable[[], torch.Tensor]


def trained() -> UNet:
    """A small U-Net after some training on Pasture: exactness is only worth something on a net with opinions."""
    torch.manual_seed(0)
    model = UNet(CLASSES, width=WIDTH, depth=DEPTH)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    for index in range(STEPS):
        scenes = [render(Knobs(size=(96, 96)), 1, 8 * index + k) for k in range(8)]
        images = torch.stack([torch.from_numpy(s.image).movedim(-1, 0).float() / 255 for s in scenes])
        loss = F.cross_entropy(model(images), torch.stack([torch.from_numpy(s.labels) for s in scenes]).long())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


def contestants(model: UNet, image: torch.Tensor) -> dict[str, Run]:
    """Functions that give the scores of the image, by name."""
    budget = int(ActivationMemory(model).peak((WINDOW, WINDOW)) * WORKING_COPIES)
    tiles = TiledModel(model, memory=budget)
    print(f"  {OURS}: {tiles.plan((SIDE, SIDE))}", file=sys.stderr)
    runs: dict[str, Run] = {WHOLE: lambda: model(image[None])[0], OURS: lambda: tiles.run(image)}
    if importlib.util.find_spec("monai"):
        from monai.inferers import sliding_window_inference

        def monai(overlap: float, mode: str) -> Run:
            return lambda: sliding_window_inference(image[None], WINDOW, 1, model, overlap=overlap, mode=mode)[0]

        runs |= {name: monai(*settings) for name, settings in PEERS.items()}
    return runs


@torch.inference_mode()
def peak(weights: Path, pixels: Path, name: str) -> None:
    """Prints by how many megabytes this process grows while one contestant runs; called in a process of its own."""
    torch.set_num_threads(THREADS)
    model = UNet(CLASSES, width=WIDTH, depth=DEPTH)
    model.load_state_dict(torch.load(weights))
    image = torch.load(pixels)
    run = contestants(model.eval(), image)[name]
    before = peak_megabytes()
    run()
    print(peak_megabytes() - before)


def print_peaks(model: UNet, image: torch.Tensor, names: list[str]) -> None:
    """Measures each contestant's memory beside the network and the image."""
    with tempfile.TemporaryDirectory() as folder:
        weights, pixels = Path(folder) / "weights.pt", Path(folder) / "image.pt"
        torch.save(model.state_dict(), weights)
        torch.save(image, pixels)
        for name in names:
            program = (
                f"from pathlib import Path; from benchmarks.dense.tiling import peak; peak(Path({str(weights)!r}), "
            )
            program += f"Path({str(pixels)!r}), {name!r})"
            done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
            print(f"  {name:34} peak {float(done.stdout):6.0f} MB")


@torch.inference_mode()
def main() -> None:
    torch.set_num_threads(THREADS)
    with torch.inference_mode(False):
        model = trained()
    scene = render(Knobs(size=(96, 96)).enlarged((SIDE, SIDE)), 2, 0)
    image = torch.from_numpy(scene.image).movedim(-1, 0).float() / 255
    print(f"U-Net of width {WIDTH} and depth {DEPTH} on {SIDE}x{SIDE} pixels, windows of {WINDOW}; {machine()}")
    runs = contestants(model, image)
    exact = runs[WHOLE]()
    for name, run in runs.items():
        scores = run()
        flips = (scores.argmax(0) != exact.argmax(0)).sum()
        print(f"  {name:34} largest difference {(scores - exact).abs().max():.1e}, labels flipped {flips}")
    print_peaks(model, image, list(runs))
    table(compare(runs, rounds=3), SIDE * SIDE / 1e6, "Mpx", OURS)


if __name__ == "__main__":
    main()
