"""One self-contained page from findings, tables and pictures: it can be mailed, archived and printed.

Everything is inside the file; a content policy in its head forbids scripts and any request to the network. All words
are escaped, whoever wrote them: class names and file names come from strangers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FunctionLoader, StrictUndefined
from numpy.typing import NDArray

from pixelwise.drawing.number_text import Number, number_text
from pixelwise.errors import InputError
from pixelwise.files import write_named
from pixelwise.reports.embedding import Embedded, embed

Cell = str | bool | Number | None


@dataclass(frozen=True)
class Text:
    """Plain words; an empty line starts a new paragraph."""

    text: str


@dataclass(frozen=True)
class Command:
    """A command to type, in the type of code; `note` says what it does."""

    text: str
    note: str = ""


@dataclass(frozen=True)
class Figure:
    """One key figure: its name, its value and a few words on how to read it."""

    name: str
    value: Cell
    note: str = ""


@dataclass(frozen=True)
class Figures:
    """Key figures as cards beside each other."""

    figures: Sequence[Figure]


@dataclass(frozen=True)
class Table:
    """Rows under a header; the first column names the row. Columns that hold only numbers are set right.

    Numbers are written by `number_text` with `decimals` places; NaN and None become "n/a".
    """

    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""
    decimals: int = 3

    def __post_init__(self) -> None:
        for number, row in enumerate(self.rows, start=1):
            if len(row) != len(self.header):
                raise InputError(
                    f"{len(self.header)} cells in each row of the table {self.caption!r}",
                    f"{len(row)} in row {number}",
                    hint="use None for a cell without a value",
                )


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture (H, W, 3) of uint8 with its caption; `alt` says in words what it shows, for those who do not see it.

    `key` is markup from `pixelwise.drawing.legend`. Pictures wider or higher than a page needs are made smaller.
    """

    data: NDArray[np.uint8]
    caption: str = ""
    alt: str = ""
    key: str = ""


@dataclass(frozen=True)
class Gallery:
    """Pictures beside each other, as many as fit, with one caption and key for all."""

    pictures: Sequence[Picture]
    caption: str = ""
    key: str = ""


@dataclass(frozen=True)
class Chart:
    """A chart from `pixelwise.drawing.charts`; the markup goes into the page as it is, so only give theirs."""

    svg: str
    caption: str = ""


Part = Text | Command | Figures | Table | Picture | Gallery | Chart


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it."""

    title: str
    parts: Sequence[Part]


def render_page(title: str, subtitle: str, sections: Sequence[Section], footer: str = "") -> str:
    """The page as HTML, complete in itself.

    An empty subtitle, footer or list of sections leaves its place out. From three sections on, the page starts with
    links to them.

    Raises:
        InputError: a picture that is not uint8 (H, W, 3) or has no pixels.
    """
    described = [
        {"title": section.title, "parts": [_described(part) for part in section.parts]} for section in sections
    ]
    template = _environment().get_template("page.html")
    return template.render(title=title, subtitle=subtitle, sections=described, footer=footer)


def write_page(path: str | Path, title: str, subtitle: str, sections: Sequence[Section], footer: str = "") -> None:
    r"""Writes the page; the file appears only when it is complete.

    Letters that UTF-8 cannot hold (file names may have them) are written as \udc80 and the like.

    Raises:
        InputError: a path that cannot be written, or what `render_page` refuses.
    """
    page = render_page(title, subtitle, sections, footer)
    write_named(Path(path), page.encode("utf-8", errors="backslashreplace"))


def _environment() -> Environment:
    return Environment(
        loader=FunctionLoader(lambda name: files("pixelwise.reports").joinpath("templates", name).read_text("utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _described(part: Part) -> dict[str, Any]:
    """The part as the template reads it: its kind, and words instead of numbers and pixels."""
    fields: dict[str, Any] = {"kind": type(part).__name__.lower(), "part": part}
    match part:
        case Text():
            blocks = (" ".join(block.split()) for block in part.text.split("\n\n"))
            fields["paragraphs"] = [block for block in blocks if block]
        case Figures():
            fields["cards"] = [(figure.name, _words(figure.value, 3), figure.note) for figure in part.figures]
        case Table():
            fields["rows"] = [[_words(cell, part.decimals) for cell in row] for row in part.rows]
            fields["numeric"] = [_is_numeric([row[index] for row in part.rows]) for index in range(len(part.header))]
        case Picture():
            fields["pictures"] = [_shown(part)]
        case Gallery():
            fields["pictures"] = [_shown(picture) for picture in part.pictures]
    return fields


def _shown(picture: Picture) -> tuple[Picture, Embedded]:
    return picture, embed(picture.data)


def _words(cell: Cell, decimals: int) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return cell if isinstance(cell, str) else number_text(cell, decimals)


def _is_numeric(cells: Sequence[Cell]) -> bool:
    known = [cell for cell in cells if cell is not None]
    return bool(known) and not any(isinstance(cell, str | bool) for cell in known)
