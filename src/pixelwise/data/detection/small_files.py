"""The bytes of one image's annotation file, which is small."""

from pathlib import Path

from pixelwise.errors import InputError

LARGEST_FILE = 2**25
"""32 MB hold 300,000 objects; a larger file for one image is something else."""


def read_small(path: Path, wanted: str) -> bytes:
    """The content of a file of at most 32 MB.

    Args:
        path: the file.
        wanted: what it should be, for the error.

    Raises:
        InputError: naming the file: missing, unreadable or larger.
    """
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= LARGEST_FILE else b""
    except (OSError, ValueError) as problem:  # ValueError: a name with a null byte
        reason = problem.strerror if isinstance(problem, OSError) else str(problem)
        raise InputError(wanted, f"{path}: {reason}", hint="check that the file is there and readable") from problem
    if size > LARGEST_FILE:
        raise InputError(wanted, f"{path}: {size} bytes", hint=f"files of one image have at most {LARGEST_FILE} bytes")
    return content
