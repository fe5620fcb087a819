"""What the command line shows while it works: progress with the time left, notes, and what was written."""

import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

# Wide where the output is a file: wrapped lines would break paths in two.
console = Console(highlight=False, soft_wrap=True)


@contextmanager
def progress_bar(title: str, unit: str = "") -> Iterator[Callable[[int, int], None]]:
    """A bar with the time left, as a function of (done, total); on no terminal it shows nothing."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not sys.stdout.isatty()) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def note(text: str) -> None:
    """One line of plain text; brackets in file names mean nothing special."""
    console.print(text, markup=False)


def wrote(path: Path, following: str) -> None:
    """The last lines of a verb: what it wrote, and the next command."""
    note(f"wrote  {path}")
    note(f"next   {following}")


def peak_memory() -> str:
    """The largest resident memory of this process so far, such as "1.2 GB"."""
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9:.2f} GB"
