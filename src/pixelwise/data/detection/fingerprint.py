"""A short text that changes with a detection folder."""

import hashlib
from pathlib import Path

from pixelwise.data.detection.folder import DetectionFolder
from pixelwise.errors import InputError


def detection_fingerprint(folder: DetectionFolder) -> str:
    """Changes when files are added, removed, renamed, resized in bytes, or moved to another split.

    It says whether a run and a folder belong together. Contents are not read, so an edit that keeps a file's length
    goes unnoticed; neither the place of the folder nor the order of its items matters.

    Raises:
        InputError: an image of the folder is gone.
    """
    base = folder.root if folder.root.is_dir() else folder.root.parent
    sizes = {file: _bytes(base / file) for file in {item.file for item in folder.items}}
    lines = sorted(f"{item.split}/{item.name} {_image_bytes(item.image)} {sizes[item.file]}" for item in folder.items)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]  # 48 bits tell a person's data sets apart


def _bytes(file: Path) -> int:
    """0 where there is no such file, which is how YOLO writes an image without objects."""
    return file.stat().st_size if file.is_file() else 0


def _image_bytes(file: Path) -> int:
    if not file.is_file():
        raise InputError("an image that is still there", f"{file}", hint="open the folder again")
    return file.stat().st_size
