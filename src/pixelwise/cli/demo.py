"""pixelwise demo: the whole story on generated data."""

from pathlib import Path

from pixelwise.cli.screen import note, peak_memory, progress_bar, wrote
from pixelwise.cli.training_run import show_epoch
from pixelwise.demo import run_demo
from pixelwise.training import Listener


def demo(*, out: Path = Path("demo")) -> None:
    """Make generated data, train on it, evaluate, predict a 4096x4096 scene, and write a report: minutes on two cores.

    Example: pixelwise demo --out demo

    Parameters
    ----------
    out
        Folder for data, run and report; a demo folder that is there is continued.
    """
    with progress_bar("working") as progress:
        report = run_demo(out, Listener(note, None, show_epoch), progress)
    note(f"peak memory {peak_memory()}")
    wrote(report, "pixelwise data check my_images   (a folder of your own with images/ and labels/)")
