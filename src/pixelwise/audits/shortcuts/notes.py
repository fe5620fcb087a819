"""Paper notes on pictures: with a word, with letters that mean nothing, or blank."""

import numpy as np
import torch
from PIL import Image as Pillow
from PIL import ImageDraw

from pixelwise.drawing.lettering import font
from pixelwise.errors import InputError
from pixelwise.shapes import Image, Mask

Place = tuple[float, float]
"""Where a note's middle lies, as shares (down, across) of the image; notes stay whole inside it."""

PAPER, INK = 245, 20
"""Grey levels of 255: white paper and dark letters, as in the published photographs."""

LINE = 1.3
"""Height of a note in heights of its letters: a little paper above and below."""

CONSONANTS, VOWELS = "bdfgklmnprstvz", "aeiou"

SMALLEST_LETTERS = 5
"""Pixels: below this no letter can be told from another."""


def with_note(image: Image, word: str, place: Place, height: float | int, ink: bool = True) -> tuple[Image, Mask]:
    """The image with a note stuck on it, and the pixels that the note covers.

    Where the word would be wider than the image, the note is made as wide as the image, and lower.

    Args:
        image: RGB 0..1.
        word: what is written; it decides how wide the note is, with ink or without.
        place: where its middle lies.
        height: of the note, as a share of the image's height.
        ink: False leaves the paper blank: the control for what mere covering does.

    Raises:
        InputError: no word, a place or height outside 0..1, or letters too small to be letters.
    """
    if not word or not 0 < height <= 1 or not all(0 <= part <= 1 for part in place):
        raise InputError(
            "a word, a height in 0..1 and a place (down, across) in 0..1",
            f"{word!r}, {height}, {place}",
            hint='with_note(image, "cow", (0.5, 0.5), 0.2) covers the middle',
        )
    rows, columns = image.shape[1:]
    paper = _paper(word, max(1, round(height * rows)), columns, ink)
    top = min(max(0, round(place[0] * rows - paper.shape[0] / 2)), max(0, rows - paper.shape[0]))
    left = min(max(0, round(place[1] * columns - paper.shape[1] / 2)), max(0, columns - paper.shape[1]))
    covered = torch.zeros(rows, columns, dtype=torch.bool)
    covered[top : top + paper.shape[0], left : left + paper.shape[1]] = True
    noted = image.clone()
    noted[:, covered] = torch.from_numpy(paper.reshape(-1) / np.float32(255)).to(image)
    return noted, covered


def nonsense(word: str, known: set[str], rng: np.random.Generator) -> str:
    """As many letters as the word has, which can be spoken and mean nothing: the control for what writing alone does.

    Args:
        word: gives the length.
        known: words that it must not be, such as the names of all classes.
        rng: source of the letters.

    Raises:
        InputError: no such word was found, as of one letter when all are taken.
    """
    for _ in range(100):
        letters = [rng.choice(list(CONSONANTS if index % 2 == 0 else VOWELS)) for index in range(len(word))]
        found = "".join(letters)
        if found not in known and found != word:
            return found
    raise InputError(f"a word of {len(word)} letters that is no class", "none left", hint="give longer class names")


def _paper(word: str, height: int, widest: int, ink: bool) -> np.ndarray:
    """The note in grey levels, (h, w)."""
    letters = int(height / LINE)
    while letters >= SMALLEST_LETTERS:
        face = font(letters)
        margin = max(1, letters // 4)
        width = round(face.getlength(word)) + 2 * margin
        if width <= widest:
            paper = Pillow.new("L", (width, max(1, round(letters * LINE))), PAPER)
            if ink:
                ImageDraw.Draw(paper).text((width / 2, paper.height / 2), word, fill=INK, font=face, anchor="mm")
            return np.asarray(paper)
        letters -= 1
    raise InputError(
        f"room for {word!r} in letters of {SMALLEST_LETTERS} pixels or more",
        f"a note {height} pixels high on a picture {widest} wide",
        hint="take a larger height, or larger images",
    )
