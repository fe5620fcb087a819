"""The image files below a folder."""

from pathlib import Path

from pixelwise.data.images import IMAGE_SUFFIXES


def image_files(folder: Path) -> list[Path]:
    """Files with an image's suffix at any depth, by name; hidden ones (system leftovers) are passed over."""
    return [
        file
        for file in sorted(folder.rglob("*"))
        if file.suffix.lower() in IMAGE_SUFFIXES
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    ]
