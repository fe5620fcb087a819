"""How COCO writes run lengths as characters.

Source: maskApi.c in COCO's own tools (Lin et al. 2014). Each length (from the fourth on: its difference to the length
two before) is written in groups of 5 bits, lowest first: bit 6 says that more follow, the last group's bit 5 is the
sign, and 48 is added to land among printable characters.
"""

import numpy as np
from numpy.typing import NDArray

from pixelwise.errors import InputError

LONGEST = 12
"""Groups of a number: 60 bits, more than any image has pixels."""


def compressed(counts: NDArray[np.int64]) -> str:
    """Run lengths as characters.

    >>> compressed(np.array([1, 3]))
    '13'
    """
    numbers = counts.copy()
    numbers[3:] -= counts[1:-2]
    # One group more for each power at which the sign bit would be lost, up to the largest number.
    limits = 1 << (5 * np.arange(1, int(np.abs(numbers).max()).bit_length() // 5 + 1) - 1)
    groups = 1 + ((numbers[:, None] >= limits) | (numbers[:, None] < -limits)).sum(axis=1)
    place = np.arange(groups.max())
    codes = ((numbers[:, None] >> (5 * place)) & 0x1F) + 0x20 * (place < groups[:, None] - 1) + 48
    text: bytes = codes[place < groups[:, None]].astype(np.uint8).tobytes()
    return text.decode("ascii")


def decompressed(text: bytes, source: str) -> NDArray[np.int64]:
    """Characters as run lengths.

    Raises:
        InputError: a character outside the code, a number too long, or the text ends within a number.
    """
    codes = np.frombuffer(text, dtype=np.uint8).astype(np.int64) - 48
    wrong = np.flatnonzero((codes < 0) | (codes >= 64))
    if len(wrong):
        place = len(text[: wrong[0]].decode("utf-8"))
        raise InputError(
            "compressed run lengths, characters from '0' to 'o'",
            f"{text.decode('utf-8', 'replace')[place]!r} at place {place} in {source}",
            hint="write the annotation again with pixelwise.ops.run_lengths.encode_mask",
        )
    last = np.flatnonzero(codes < 32)
    first = np.concatenate([[0], last[:-1] + 1])[: len(last)]
    groups = last - first + 1
    if len(codes) and (codes[-1] >= 32 or groups.max() > LONGEST):
        raise InputError(
            "compressed run lengths",
            f"a text that ends within a number, or a number of more than {LONGEST} characters, in {source}",
            hint="the file may be cut short: copy it again",
        )
    if not len(codes):
        return np.zeros(0, dtype=np.int64)
    shifts = 5 * (np.arange(len(codes)) - np.repeat(first, groups))
    numbers = np.add.reduceat((codes & 0x1F) << shifts, first)
    numbers -= ((codes[last] & 0x10) >> 4) << (5 * groups)
    # From the fourth on each is a difference to the one two before.
    numbers[1::2] = np.cumsum(numbers[1::2])
    numbers[2::2] = np.cumsum(numbers[2::2])
    return numbers
