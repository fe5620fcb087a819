"""pixelwise data: make generated data, examine a folder of one's own."""

import math
from pathlib import Path

import torch
from cyclopts import App

from pixelwise.cli.screen import console, note, progress_bar, wrote
from pixelwise.data.doctor import examine
from pixelwise.data.pasture import Knobs, write_folder
from pixelwise.metrics.upper_bound import StrideBounds
from pixelwise.shapes import IGNORE

SPELLED_OUT = 32
"""The stride of most classifiers."""

app = App(name="data", help="Make generated data, or examine a folder of your own.")
make = App(name="make", help="Make a data set from a generator.")
app.command(make)


@make.command
def pasture(
    folder: Path,
    /,
    *,
    images: int = 200,
    size: int = 128,
    seed: int = 0,
    correlation: float = Knobs.correlation,
    objects: tuple[int, int] = Knobs.objects,
    scale: tuple[float, float] = Knobs.scale,
    classes: tuple[float, float, float, float] = Knobs.classes,
    backgrounds: tuple[float, float, float, float, float] = Knobs.backgrounds,
    dark_fur: tuple[float, float, float, float] = Knobs.dark_fur,
    light: tuple[float, float] = Knobs.light,
    motion: tuple[float, float] = Knobs.motion,
    camera: tuple[float, float] = Knobs.camera,
    words: float = Knobs.words,
    word_agreement: float = Knobs.word_agreement,
    noise: float = Knobs.noise,
) -> None:
    """Write generated scenes of animals with every kind of truth: labels, instances, boxes, flow, attributes.

    Example: pixelwise data make pasture pasture --images 500 --size 128 --correlation 0.9

    Parameters
    ----------
    folder
        Where to write; an unfinished folder is continued.
    images
        Number of scenes.
    size
        Height and width in pixels, 32 to 1024.
    seed
        The same seed gives the same bytes.
    correlation
        How strongly animals keep to their home background: 0 not at all, 1 always.
    objects
        Fewest and most animals in a scene.
    scale
        Shortest and longest animal, as a share of the size.
    classes
        How often cow, camel, sheep and horse appear.
    backgrounds
        How often pasture, desert, beach, water and road appear.
    dark_fur
        For each species, the probability of dark fur.
    light
        Darkest and brightest light, 0.1 to 1.5.
    motion
        Shortest and longest way of an animal between the two frames, in pixels.
    camera
        The same for the background.
    words
        Probability of a sign with the name of a species.
    word_agreement
        Probability that the sign names the leading animal.
    noise
        Standard deviation of the pixel noise, in grey levels of 255.
    """
    knobs = Knobs(
        size=(size, size),
        objects=objects,
        scale=scale,
        classes=classes,
        backgrounds=backgrounds,
        correlation=correlation,
        dark_fur=dark_fur,
        light=light,
        motion=motion,
        camera=camera,
        words=words,
        word_agreement=word_agreement,
        noise=noise,
    )
    with progress_bar("scenes") as progress:
        write_folder(folder, knobs, images, seed, progress)
    wrote(folder, f"pixelwise train segmentation {folder} --out run")


@app.command
def check(
    folder: Path, /, *, classes: Path | None = None, splits: Path | None = None, attributes: Path | None = None
) -> int:
    """Examine a folder of images and label maps: every fault with its file, what was found, and the fix.

    Example: pixelwise data check my_images

    Parameters
    ----------
    folder
        A folder with images/ and labels/ (or train/, val/, test/ with both).
    classes
        File of class names, one per line: `name`, `value name` or `first-last name`.
    splits
        CSV with the columns file,split.
    attributes
        CSV of attributes, keyed by file name in its first column.
    """
    bounds = StrideBounds(num_classes=IGNORE)
    with progress_bar("images") as progress:
        diagnosis = examine(
            folder, classes, splits, attributes, progress, lambda ids: bounds.add(torch.from_numpy(ids))
        )
    counts = ", ".join(f"{name} {count}" for name, count in diagnosis.splits.items())
    note(f"{diagnosis.images} images ({counts})")
    for split, pixels in diagnosis.class_pixels.items():
        total = max(1, sum(pixels.values()))
        note(f"  {split}: " + ", ".join(f"{name} {count / total:.1%}" for name, count in pixels.items()))
    if diagnosis.classes is not None:
        _note_bounds(bounds.mean_iou())
    for fault in diagnosis.faults:
        style = "bold red" if fault.severity == "fatal" else "yellow"
        console.print(f"{fault.severity:<8}", style=style, end="")
        note(f"{fault.file}: {fault.found}\n        fix: {fault.fix}")
    note(f"{len(diagnosis.fatal)} fatal, {len(diagnosis.warnings)} warnings")
    if diagnosis.fatal:
        return 1
    note(f"next   pixelwise train segmentation {folder} --out run")
    return 0


def _note_bounds(bounds: dict[int, float]) -> None:
    """Says what each stride can reach, and spells one of them out; nothing where no pixel is labelled."""
    if not math.isnan(bounds[SPELLED_OUT]):
        note("  mean IoU within reach, by stride: " + ", ".join(f"{each} {best:.3f}" for each, best in bounds.items()))
        note(
            f"  so a network of stride {SPELLED_OUT} can reach a mean IoU of about {bounds[SPELLED_OUT]:.2f} on these "
            "labels at most"
        )
