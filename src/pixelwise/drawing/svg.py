"""The few SVG shapes charts are made of. Words are escaped here, and only here.

Colours are CSS variables with a fallback, and ink is `currentColor`: a chart follows the page into dark mode and onto
paper.
"""

import html
import unicodedata

from pixelwise.drawing.number_text import Number

FONT = 12
"""Letter height in units of the drawing; a page shows one unit as at most 1.2 CSS pixels."""
FAINT = "var(--rule, #d5d9e0)"
MUTED = "var(--muted, #5b6472)"
INK = "currentColor"
HALO = ' stroke="var(--paper, #fff)" stroke-width="3" paint-order="stroke"'
"""A rim in the colour of the page, for words that may lie on a line."""


def escaped(words: str) -> str:
    """The words, safe inside a tag or an attribute; control characters and broken Unicode become a replacement mark."""
    return html.escape("".join("�" if unicodedata.category(letter) in ("Cc", "Cs") else letter for letter in words))


def width_of(words: str, size: Number = FONT) -> float:
    """About how wide the words are; SVG cannot ask the font, so this errs on the wide side."""
    # 0.62 of the height: the mean advance of common sans-serif faces, rounded up; East Asian letters are square.
    return float(size) * sum(1.0 if unicodedata.east_asian_width(letter) in "WF" else 0.62 for letter in words)


def fitting(words: str, width: Number, size: Number = FONT) -> str:
    """The words, shortened with an ellipsis to about `width`."""
    if width_of(words[:1000], size) <= width and len(words) <= 1000:  # 1000: far beyond any drawing's width
        return words
    end = min(len(words), 1000)
    while end and width_of(words[:end] + "…", size) > width:
        end -= 1
    return words[:end].rstrip() + "…"


def text(
    x: Number,
    y: Number,
    words: str,
    anchor: str = "start",
    fill: str = INK,
    *,
    size: Number = FONT,
    extra: str = "",
    tip: str = "",
) -> str:
    """Words at a place; `tip` is shown in full when a pointer rests on them."""
    title = f"<title>{escaped(tip)}</title>" if tip and tip != words else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" text-anchor="{anchor}" style="fill:{fill}"{extra}>'
        f"{title}{escaped(words)}</text>"
    )


def line(start: tuple[Number, Number], end: tuple[Number, Number], stroke: str = FAINT, extra: str = "") -> str:
    """A straight line."""
    return (
        f'<line x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}" '
        f'style="stroke:{stroke}"{extra}/>'
    )


def rect(corner: tuple[Number, Number], size: tuple[Number, Number], fill: str, extra: str = "", tip: str = "") -> str:
    """A filled rectangle, with a tooltip where there is one."""
    title = f"<title>{escaped(tip)}</title>" if tip else ""
    return (
        f'<rect x="{corner[0]:.1f}" y="{corner[1]:.1f}" width="{size[0]:.1f}" height="{size[1]:.1f}" '
        f'style="fill:{fill}"{extra}>{title}</rect>'
    )


def drawing(size: tuple[Number, Number], label: str, kind: str, parts: list[str]) -> str:
    """The whole drawing; `label` is what a screen reader says in its place."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]:.0f} {size[1]:.0f}" role="img" class="{kind}" '
        f'aria-label="{escaped(label)}" font-family="inherit" style="max-width:{1.2 * size[0]:.0f}px">'
        + "".join(parts)
        + "</svg>"
    )
