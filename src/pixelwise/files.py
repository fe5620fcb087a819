"""Files that appear under their name only when they are complete."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pixelwise.errors import InputError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, renamed to it when the block ends without an error and removed otherwise.

    Missing parent folders are made. The suffix is kept, because image libraries choose the format by it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".part-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes files only their owner can read; results are as readable as the user's other new files.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Writes a UTF-8 text file, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file, whole or not at all; the system's errors stay what they are."""
    with whole_file(path) as temporary:
        temporary.write_bytes(content)


def write_named(path: Path, content: bytes) -> None:
    """Writes a file that a caller of the library named, whole or not at all.

    Raises:
        InputError: the system refuses, for want of room or rights or because of the name; it names the path.
    """
    try:
        write_bytes(path, content)
    except (OSError, ValueError) as error:  # ValueError: a path with a null byte
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise InputError(
            f"a file that can be written at {path}", reason, f"check that {path.parent} is yours and has room"
        ) from error
