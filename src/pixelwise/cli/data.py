"""pixelwise data: make generated data, examine a folder of one's own."""

from pathlib import Path

from cyclopts import App

from pixelwise.cli.data_check import check_boxes, check_label_maps, check_pairs
from pixelwise.cli.screen import progress_bar, wrote
from pixelwise.data.detection.folder import layout_of
from pixelwise.data.detection.instance_folder import holds_label_maps
from pixelwise.data.flow.folder import holds_pairs
from pixelwise.data.flying import Recipe, write_flying
from pixelwise.data.pasture import Knobs, write_folder
from pixelwise.errors import InputError

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
    wrote(folder, f"pixelwise train segmentation {folder} --out run   (or train detection, or train flow)")


@make.command
def flying(
    folder: Path,
    /,
    *,
    pairs: int = 200,
    size: tuple[int, int] = Recipe.size,
    seed: int = 0,
    objects: tuple[int, int] = Recipe.objects,
    motion: float = Recipe.motion,
) -> None:
    """Write pairs of pictures of flying shapes with their exact motion and occlusion, to train optical flow.

    Example: pixelwise data make flying flying --pairs 1000 --size 192 256

    Parameters
    ----------
    folder
        Where to write; an unfinished folder is continued.
    pairs
        Number of pairs; one of 384 x 512 pixels takes about 2.4 MB.
    size
        Height and width in pixels, 32 to 4096.
    seed
        The same seed gives the same bytes.
    objects
        Fewest and most objects.
    motion
        Factor on how far things move, 0 to 4.
    """
    recipe = Recipe(size=size, objects=objects, motion=motion)
    with progress_bar("pairs") as progress:
        write_flying(folder, recipe, pairs, seed, progress)
    wrote(folder, f"pixelwise train flow {folder} --out run")


@app.command
def check(
    folder: Path,
    /,
    *,
    classes: Path | None = None,
    splits: Path | None = None,
    attributes: Path | None = None,
    repair: Path | None = None,
) -> int:
    """Examine a folder of images with label maps, boxes or flow: every fault with its file, and the fix.

    A folder that has several of these, as Pasture's, is examined for each.

    Example: pixelwise data check my_images

    Parameters
    ----------
    folder
        A folder with images/ and labels/ (or train/, val/, test/ with both); with boxes in COCO's, Pascal VOC's or
        YOLO's layout; or with pairs and flow as FlyingChairs, Sintel, KITTI, Middlebury or our own have them.
    classes
        File of class names, one per line: `name`, `value name` or `first-last name`.
    splits
        CSV with the columns file,split.
    attributes
        CSV of attributes, keyed by file name in its first column.
    repair
        Write a copy into this folder, in COCO's layout, with the boxes that training would use.
    """
    boxes = folder.exists() and layout_of(folder) in ("coco", "voc", "yolo")
    if repair is not None and not boxes:
        raise InputError("a folder with boxes, for a repaired copy", f"{folder}", "leave --repair away")
    pairs, sound = holds_pairs(folder), True
    if not (boxes or pairs) or holds_label_maps(folder):
        sound = check_label_maps(folder, classes, splits, attributes)
    if boxes:
        sound = check_boxes(folder, classes, splits, repair) and sound
    if pairs:
        sound = check_pairs(folder, splits) and sound
    return 0 if sound else 1
