"""Whether fast twins are to be used: numba is there and nobody turned them off."""

import os
from functools import cache

from pixelwise.errors import InputError

VARIABLE = "PIXELWISE_KERNELS"


def twins_wanted() -> bool:
    """True when numba can be imported and the environment variable PIXELWISE_KERNELS is not "off".

    Raises:
        InputError: the variable is neither "on" nor "off" nor unset.
    """
    value = os.environ.get(VARIABLE, "on")
    if value not in ("on", "off"):
        raise InputError(f'{VARIABLE} to be "on" or "off"', f'"{value}"', hint=f"unset {VARIABLE}, or set it to off")
    return value == "on" and _numba_works()


@cache
def _numba_works() -> bool:
    # Imported here because it takes half a second, which only callers of these operations shall pay. An installed
    # numba that does not fit the installed NumPy raises ImportError as well; the plain definitions then serve.
    try:
        import numba  # noqa: F401, PLC0415
    except ImportError:
        return False
    return True
