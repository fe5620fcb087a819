"""pixelwise dense: what a network's dense maps can be trusted for, and the maps themselves."""

import shlex
import time
from pathlib import Path
from typing import Literal

from cyclopts import App
from rich.table import Table

from pixelwise.cli.screen import console, note, peak_memory, progress_bar, wrote
from pixelwise.dense import Verdict, densify
from pixelwise.dense import check as check_model
from pixelwise.inference.dense_files import channels_of, open_channels, write_dense_map
from pixelwise.inference.model_source import open_model

MEASURED = 1024
"""Pixels of an image beyond one patch that are read to measure on: several strides, and 32 is wide for one."""

app = App(name="dense", help="A patch classifier at every pixel: whether that is exact, and the map.")


@app.command
def check(model: str, /, *, patch: int, image: Path | None = None, channels: int | None = None) -> None:
    """Find out which kinds of exactness a network has, which layer breaks the others, and by how much.

    Example: pixelwise dense check nets:classifier --patch 65

    Parameters
    ----------
    model
        A run folder, a name of the catalog, package.module:function, or an exported program (.pt2).
    patch
        Height and width of the patches.
    image
        An image to measure on; without one, random pixels.
    channels
        Channels of the image, where the network's first kernel does not tell.
    """
    network = open_model(model)
    count = channels or channels_of(network)
    pixels = None
    if image is not None:
        opened = open_channels(image, count)
        height, width = (min(length, patch + MEASURED) for length in opened.size)
        pixels = opened.read(0, 0, height, width)
    verdict = check_model(network, patch, pixels, count)
    show_verdict(verdict, "random pixels" if image is None else image.name)
    command = ["pixelwise", "dense", "map", model, "IMAGE", "--patch", str(patch), "--out", "map.tif"]
    if verdict.patch_exact.exact:
        note(f"next   {shlex.join(command)}")
    elif verdict.stride_exact.exact:
        note(f"next   {shlex.join([*command, '--exact', 'stride'])}   (the network's own map, made finer)")
    elif verdict.tile_exact.exact:
        note("next   pixelwise.dense.tiled(model, image) in Python, which applies the network to images of any size")


@app.command(name="map")
def write_map(
    model: str,
    image: Path,
    /,
    *,
    patch: int,
    out: Path,
    stride: int = 1,
    exact: Literal["patch", "stride"] = "patch",
    reduce: str | None = None,
    memory: str = "1GB",
    channels: int | None = None,
) -> None:
    """Apply a patch classifier at every pixel of an image of any size, computing nothing twice.

    Example: pixelwise dense map nets:classifier scan.tif --patch 65 --stride 4 --out map.tif

    Parameters
    ----------
    model
        A run folder, a name of the catalog, package.module:function, or an exported program (.pt2).
    image
        An image of any size; grey for a network of one channel.
    patch
        Height and width of the patches.
    out
        The map: .tif, .zarr or .npy; a picture NAME.heat.png appears beside it. Interrupted? Repeat the command.
    stride
        Pixels between neighbouring outputs.
    exact
        patch (default): each output equals the classifier on its patch, or the network is refused; stride: networks
        that pad, whose map is their own, made finer.
    reduce
        What to keep of the scores: argmax, probabilities, max_probability, margin, entropy, top2; default all scores.
    memory
        Budget for one tile's activations.
    channels
        Channels of the image, where the network's first kernel does not tell.
    """
    network = open_model(model)
    count = channels or channels_of(network)
    opened = open_channels(image, count)
    dense = densify(network, patch, stride, exact, count)
    started = time.perf_counter()
    with progress_bar("tiles") as bar:
        picture = write_dense_map(dense, opened, out, reduce, memory, lambda plan: note(f"plan   {plan}"), bar)
    note(f"{time.perf_counter() - started:.1f} s, peak memory {peak_memory()}")
    note(f"wrote  {out}")
    again = ["pixelwise", "dense", "check", model, "--patch", str(patch), "--image", str(image)]
    wrote(picture, f"{shlex.join(again)}   (the map against single patches)")


def show_verdict(verdict: Verdict, pixels: str) -> None:
    """A table of the three kinds of exactness; below it what breaks them, and what would help.

    Args:
        verdict: what was found.
        pixels: what was measured on.
    """
    found = {
        "patch-exact": verdict.patch_exact,
        "stride-exact": verdict.stride_exact,
        "tile-exact": verdict.tile_exact,
    }
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    for title in (
        f"patch {verdict.patch[0]}x{verdict.patch[1]}",
        "",
        f"largest difference on {pixels}",
        "of scores to",
    ):
        table.add_column(title, no_wrap=True)
    for name, finding in found.items():
        measured = ("-", "-") if finding.deviation is None else (f"{finding.deviation:.1e}", f"{finding.scale:.1e}")
        table.add_row(name, "[green]yes[/]" if finding.exact else "[bold red]no[/]", *measured)
    console.print(table)
    for name, finding in found.items():
        if not finding.exact:
            note(f"not {name}: {finding.node} {finding.reason}\n  hint: {finding.hint}")
