"""What an audit by groups costs beside the plain evaluation of the same run on the same images."""

import statistics
import tempfile
import time
from pathlib import Path

import torch

import pixelwise as pw
from benchmarks.timing import compare, machine
from pixelwise.data.pasture import Knobs, write_folder

IMAGES, ROUNDS = 1000, 3


def main() -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        folder, run = Path(place) / "data", Path(place) / "run"
        write_folder(folder, Knobs(size=(64, 64)), images=IMAGES, seed=0)
        pw.train("segmentation", folder, out=run, model_settings={"width": 8, "depth": 3}, crop=64, epochs=1)
        predictor = pw.load(run)
        seconds = compare(
            {
                "evaluate": lambda: pw.evaluate(predictor, folder, "all"),
                "audit by light and background": lambda: pw.audit(
                    predictor, folder, ("light", "background"), split="all"
                ),
                "audit by light and brightness": lambda: pw.audit(
                    predictor, folder, ("light", "brightness"), split="all"
                ),
            },
            ROUNDS,
            time.process_time,
        )
    print(f"{IMAGES} images of 64 x 64, U-Net of width 8, {machine()}; processor seconds, median of {ROUNDS}")
    for name, values in seconds.items():
        ratios = [own / plain for own, plain in zip(values, seconds["evaluate"], strict=True)]
        print(f"{name:34} {statistics.median(values):7.2f} s   {statistics.median(ratios):.2f} times evaluate")


if __name__ == "__main__":
    main()
