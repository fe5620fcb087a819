"""Files that are complete or absent, never half written."""

from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from pixelwise.errors import InputError


def write_whole(path: Path, content: bytes) -> None:
    """Writes the file in one step: readers see the old content or the new one, and a failure leaves the old one.

    Raises:
        InputError: the folder is missing, cannot be written or is full; the path is a folder. It names the path.
    """
    # In the same folder, because a file cannot be renamed from one file system to another.
    unfinished = path.parent / f".{uuid4().hex}.part"
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except (OSError, ValueError) as error:  # ValueError: a path with a null byte
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        hint = f"check that {path.parent} exists, is yours and has room"
        raise InputError(f"a file that can be written at {path}", reason, hint) from error
    finally:
        with suppress(OSError, ValueError):
            unfinished.unlink(missing_ok=True)
