"""Words drawn into pictures."""

from PIL import ImageFont


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The one face all pictures use: the one Pillow carries, so a picture is the same on every machine.

    It covers Latin letters; others come out as empty boxes (reports write names in HTML, where every script works).
    """
    return ImageFont.load_default(size)


def fitted(words: str, width: int, face: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """The words on one line, shortened with an ellipsis where they are wider than `width` pixels; maybe empty."""
    line = " ".join(words.split())
    # Pillow refuses to measure a name of a million letters; no letter is narrower than a pixel.
    if len(line) <= width and face.getlength(line) <= width:
        return line
    for end in range(min(len(line), width), 0, -1):
        shortened = line[:end].rstrip() + "…"
        if face.getlength(shortened) <= width:
            return shortened
    return ""
