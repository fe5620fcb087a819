"""A sign with a word on it, standing behind the animals: the shortcut of a model that reads instead of looking."""

from functools import lru_cache

import numpy as np
from jaxtyping import Float32

from pixelwise.data.pasture.sky import Canvas, View

# The letters that the species' names need, 5 wide and 7 high with a row for what hangs down, as on character displays.
LETTERS = {
    "a": ("     ", "     ", " ### ", "    #", " ####", "#   #", " ####", "     "),
    "c": ("     ", "     ", " ### ", "#    ", "#    ", "#   #", " ### ", "     "),
    "e": ("     ", "     ", " ### ", "#   #", "#####", "#    ", " ### ", "     "),
    "h": ("#    ", "#    ", "# ## ", "##  #", "#   #", "#   #", "#   #", "     "),
    "l": (" ##  ", "  #  ", "  #  ", "  #  ", "  #  ", "  #  ", " ### ", "     "),
    "m": ("     ", "     ", "## # ", "# # #", "# # #", "#   #", "#   #", "     "),
    "o": ("     ", "     ", " ### ", "#   #", "#   #", "#   #", " ### ", "     "),
    "p": ("     ", "     ", "#### ", "#   #", "#   #", "#### ", "#    ", "#    "),
    "r": ("     ", "     ", "# ## ", "##  #", "#    ", "#    ", "#    ", "     "),
    "s": ("     ", "     ", " ####", "#    ", " ### ", "    #", "#### ", "     "),
    "w": ("     ", "     ", "#   #", "#   #", "# # #", "# # #", " # # ", "     "),
}

CELL = 0.0135
"""Side of a font pixel as a share of the unit: 1.7 px at 128 px, the least that can be read."""

TOP = 0.05
"""Upper edge of the board in frame 1, as a share of the unit; most animals leave it free."""

INK = (0.16, 0.12, 0.10)
BOARD = (0.93, 0.84, 0.66)
POST = (0.50, 0.35, 0.22)


@lru_cache(maxsize=8)
def lettering(word: str) -> Float32[np.ndarray, "10 C"]:
    """The word in font pixels, 1 where there is ink, with a margin of one; C = 6 letters + 1."""
    rows = ["".join(LETTERS[letter][row] + " " for letter in word) for row in range(8)]
    ink = np.array([[cell == "#" for cell in row] for row in rows], dtype=np.float32)
    return np.pad(ink, ((1, 1), (1, 0)))


def add_sign(canvas: Canvas, view: View, word: str, left: float, horizon: float) -> None:
    """Paints a board with the word, on two posts, into the canvas; it moves with the background.

    Args:
        canvas: background of the whole frame.
        view: where the frame's pixels lie in the world of the background.
        word: made of the letters in `LETTERS`.
        left: left edge of the board in frame 1, 0 (left in the picture) .. 1 (right).
        horizon: row of the horizon in frame 1.
    """
    ink = lettering(word)
    cell = CELL * view.unit
    width = ink.shape[1] * cell
    start = max(0.0, left * (canvas.shape[2] - width))
    across = view.x - np.float32(start)
    down = view.y + np.float32(horizon - TOP * view.unit)
    board = _inside(across, 0.0, width)
    for post in (0.2 * width, 0.8 * width):
        _cover(
            canvas, POST, _inside(down, 0.0, 0.45 * view.unit), _inside(across, post - 0.6 * cell, post + 0.6 * cell)
        )
    _cover(canvas, POST, _inside(down, -0.5 * cell, 10.5 * cell), _inside(across, -0.5 * cell, width + 0.5 * cell))
    _cover(canvas, BOARD, _inside(down, 0.0, 10 * cell), board)
    rows, columns = np.flatnonzero(_inside(down, 0.0, 10 * cell)), np.flatnonzero(board)
    if len(rows) and len(columns):
        # Each pixel takes its share of every font pixel it overlaps: matrices of overlaps from both sides.
        share = _overlaps(down[rows], cell, ink.shape[0]) @ ink @ _overlaps(across[columns], cell, ink.shape[1]).T
        area = canvas[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        area += share * (np.array(INK, dtype=np.float32)[:, None, None] - area)


def _inside(place: Float32[np.ndarray, " N"], start: float, end: float) -> Float32[np.ndarray, " N"]:
    """The share of each pixel (1 wide, centred here) between start and end."""
    share = np.clip(np.minimum(place + 0.5, end) - np.maximum(place - 0.5, start), 0, 1)
    return np.asarray(share, dtype=np.float32)


def _overlaps(place: Float32[np.ndarray, " N"], cell: float, count: int) -> Float32[np.ndarray, "N C"]:
    """The share of each pixel in each of `count` cells of this width that start at 0."""
    edges = np.arange(count, dtype=np.float32) * np.float32(cell)
    low = np.maximum(place[:, None] - 0.5, edges)
    high = np.minimum(place[:, None] + 0.5, edges + np.float32(cell))
    return np.asarray(np.clip(high - low, 0, 1), dtype=np.float32)


def _cover(
    canvas: Canvas,
    colour: tuple[float, float, float],
    down: Float32[np.ndarray, " H"],
    across: Float32[np.ndarray, " W"],
) -> None:
    """Lays a colour over the rectangle where both shares are above 0."""
    rows, columns = np.flatnonzero(down), np.flatnonzero(across)
    if len(rows) and len(columns):
        top, left = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        area = canvas[:, top, left]
        area += (down[top, None] * across[left]) * (np.array(colour, dtype=np.float32)[:, None, None] - area)
