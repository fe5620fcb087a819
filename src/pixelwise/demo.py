"""The whole story on generated data: make it, train, evaluate, predict a scene of 4096x4096 pixels, show it all."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import torch
from numpy.typing import NDArray

from pixelwise.data.folder import open_folder
from pixelwise.data.lazy_images import open_image
from pixelwise.data.pasture import CLASSES, Knobs, Scene, render, write_folder
from pixelwise.dense import TiledModel
from pixelwise.drawing import class_colours, contact_sheet, legend, line_chart, overlay, paint
from pixelwise.evaluation import Scores
from pixelwise.evaluation.asked import Asked
from pixelwise.evaluation.report import key_figures, score_sections
from pixelwise.evaluation.segmentation import evaluate_segmenter
from pixelwise.files import whole_file
from pixelwise.inference import Segmenter, load
from pixelwise.inference.run_folder import read_record
from pixelwise.metrics import confusion_matrix, mean_iou
from pixelwise.reports import Chart, Command, Figure, Figures, Picture, Section, Text, write_page
from pixelwise.training import Listener, train
from pixelwise.training.metrics_file import read_rows

SCENES = 800
KNOBS = Knobs(size=(96, 96))
SEED = 0
SCENE_SIDE = 4096
CHECKED_SIDE = 1024
"""Side of the part of the large scene that is also predicted whole: more would not fit the memory of a small
machine."""

SETTINGS: dict[str, Any] = {
    "model": "unet",
    "model_settings": {"width": 16, "depth": 4},
    "epochs": 12,
    "batch_size": 8,
    "crop": 96,
    "learning_rate": 2e-3,
    "seed": SEED,
}
"""Chosen for two cores and two minutes: a quarter of the paper's width, crops as large as the scenes."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class LargeScene:
    """The large scene's figures and pictures.

    `flips` and `deviation` compare tiles with the same pixels predicted whole.
    """

    seconds: float
    tiles: str
    mean_iou: float
    flips: int
    deviation: float
    whole: NDArray[np.uint8]
    detail: NDArray[np.uint8]


def run_demo(out: Path, listener: Listener | None = None, progress: Progress | None = None) -> Path:
    """Runs every step into a folder and gives the path of its report.html; steps that are finished there are kept.

    Args:
        out: the folder, made when missing.
        listener: who is told about training, and in a line about each step.
        progress: called with (done, total) within the long steps.
    """
    tell = listener or Listener()
    started = time.perf_counter()

    def say(text: str) -> None:
        tell.note(f"[{time.perf_counter() - started:4.0f} s] {text}")

    data, run = out / "pasture", out / "run"
    if not (data / "annotations.json").is_file():
        say(f"making {SCENES} scenes of Pasture, a generated world with known truth")
        write_folder(data, KNOBS, SCENES, SEED, progress)
    begun = (run / "run.json").is_file()
    if not (begun and read_record(run).finished):
        say("training a U-Net on them")
        train("segmentation", data, out=run, resume=begun, listener=tell, **SETTINGS)
    predictor = load(run)
    assert isinstance(predictor, Segmenter), "it was trained for segmentation"
    say("evaluating it on scenes it has not met")
    scores = evaluate_segmenter(predictor, data, Asked("test", out / "evaluation", progress=progress))
    say(f"mean IoU {scores.mean_iou:.3f}; always {scores.classes[scores.majority]}: {scores.majority_mean_iou:.3f}")
    say(f"predicting a scene of {SCENE_SIDE}x{SCENE_SIDE} pixels in tiles")
    large = predict_large(predictor, out, progress)
    say(f"tiled against whole: largest difference {large.deviation:.1e}, {large.flips} labels flipped")
    write_demo_report(out, predictor, scores, large, time.perf_counter() - started)
    return out / "report.html"


def predict_large(predictor: Segmenter, out: Path, progress: Progress | None = None) -> LargeScene:
    """Paints the large scene, predicts it in tiles, and predicts one corner whole to compare."""
    truth = render(KNOBS.enlarged((SCENE_SIDE, SCENE_SIDE)), SEED + 1)
    path = out / "scene.tif"
    with whole_file(path) as temporary:
        tifffile.imwrite(temporary, truth.image)
    image = open_image(path)
    started = time.perf_counter()
    labels = predictor.tiles.run(image, "argmax", progress=progress)
    seconds = time.perf_counter() - started
    flips, deviation = compare_tiles(predictor, image.read(0, 0, CHECKED_SIDE, CHECKED_SIDE))
    counts = confusion_matrix(labels, torch.from_numpy(truth.labels), len(CLASSES))
    colours = class_colours(len(CLASSES))
    step = max(1, SCENE_SIDE // 1024)
    half = min(256, SCENE_SIDE // 2)
    middle = slice(SCENE_SIDE // 2 - half, SCENE_SIDE // 2 + half)
    return LargeScene(
        seconds,
        str(predictor.tiles.plan(image.size)),
        float(mean_iou(counts)),
        flips,
        deviation,
        overlay(np.ascontiguousarray(truth.image[::step, ::step]), labels[::step, ::step].numpy(), colours),
        overlay(np.ascontiguousarray(truth.image[middle, middle]), labels[middle, middle].numpy(), colours),
    )


def compare_tiles(predictor: Segmenter, pixels: torch.Tensor) -> tuple[int, float]:
    """Labels that differ, and the largest difference of any score, between tiles of 256 and the same image whole."""
    tiles = TiledModel(predictor.model, tile=256).run(pixels)
    whole = TiledModel(predictor.model, tile=max(pixels.shape)).run(pixels)
    return int((tiles.argmax(0) != whole.argmax(0)).sum()), float((tiles - whole).abs().max())


def sample_sheet(knobs: Knobs, seed: int, count: int) -> NDArray[np.uint8]:
    """Scenes in the upper rows and their labels below, `count` of each."""
    scenes: list[Scene] = [render(knobs, seed, index) for index in range(count)]
    colours = class_colours(len(CLASSES))
    return contact_sheet([s.image for s in scenes] + [paint(s.labels, colours) for s in scenes], columns=count)


def write_demo_report(out: Path, predictor: Segmenter, scores: Scores, large: LargeScene, seconds: float) -> None:
    """Writes report.html."""
    items = open_folder(out / "pasture").only("test").items
    summary = Text(
        f"{SCENES} generated scenes, a U-Net trained on 70 % of them, scored on 15 % it had never met, and a scene of "
        f"{SCENE_SIDE}x{SCENE_SIDE} pixels labelled in tiles, with the same result as in one piece: all in "
        f"{seconds:.0f} seconds."
    )
    sections = [
        Section("In short", [key_figures(scores), summary]),
        data_section(),
        training_section(out / "run"),
        large_section(large),
        *score_sections(scores, predictor, items, predictor.table),
        own_images_section(),
    ]
    write_page(
        out / "report.html", "pixelwise: the demo", "Every pixel, computed once; every claim, checked.", sections
    )


def data_section() -> Section:
    """Some scenes with their labels, and how to make more."""
    key = legend(CLASSES, class_colours(len(CLASSES)))
    sheet = sample_sheet(KNOBS, SEED, 6)
    make = f"pixelwise data make pasture DIR --images {SCENES} --size {KNOBS.size[0]}"
    return Section(
        "The data: Pasture",
        [
            Picture(sheet, "Scenes and their labels", "six scenes with animals, and their label maps", key),
            Command(make, "makes such a folder, with boxes, flow and attributes as well"),
        ],
    )


def training_section(run: Path) -> Section:
    """The scores on validation scenes, epoch by epoch."""
    curve = {"validation": [(row["epoch"], row["val_mean_iou"]) for row in read_rows(run / "metrics.csv")]}
    return Section("Training", [Chart(line_chart(curve, "epoch", "mean IoU", "Mean IoU on validation scenes", (0, 1)))])


def large_section(large: LargeScene) -> Section:
    """What tiles did to the large scene: nothing."""
    key = legend(CLASSES, class_colours(len(CLASSES)))
    figures = [
        Figure("labels flipped", large.flips, f"tiled against whole, on {CHECKED_SIDE}x{CHECKED_SIDE} pixels"),
        Figure("largest difference", f"{large.deviation:.1e}", "of any score, between tiled and whole"),
        Figure("mean IoU", large.mean_iou, "on the large scene"),
        Figure("seconds", large.seconds, large.tiles),
    ]
    whole, detail = "the large scene with its predicted classes", "a part of the large scene with its predicted classes"
    height, width = large.detail.shape[:2]
    return Section(
        f"A scene of {SCENE_SIDE}x{SCENE_SIDE} pixels",
        [
            Figures(figures),
            Picture(large.whole, "The whole scene, reduced", whole, key),
            Picture(large.detail, f"{height}x{width} pixels of its middle", detail, key),
        ],
    )


def own_images_section() -> Section:
    """The same with one's own images."""
    check = "a folder with images/ and labels/: finds every fault, with its fix"
    return Section(
        "Your own images",
        [
            Command("pixelwise data check DIR", check),
            Command("pixelwise train segmentation DIR --out RUN", "trains on it"),
            Command("pixelwise predict RUN IMAGE... --out PREDICTIONS", "labels images of any size"),
        ],
    )
