"""Arguments of convolutions that are one number for both axes or one for each."""

from pixelwise.errors import InputError

Pair = int | tuple[int, int] | list[int]
"""One whole number for both axes, or (vertical, horizontal)."""


def pair_of(number: Pair, name: str, least: int) -> tuple[int, int]:
    """The vertical and the horizontal number.

    Args:
        number: one or two whole numbers.
        name: of the argument, for the message.
        least: the smallest number allowed.

    Raises:
        InputError: there are not one or two numbers, or one of them is too small.
    """
    pair = (number, number) if isinstance(number, int) else tuple(number)
    if len(pair) != 2 or min(pair) < least:
        raise InputError(
            f"{name} as one whole number or two, of at least {least}",
            f"{name}={number}",
            hint=f"pass {name}=({least}, {least}) for the smallest",
        )
    return pair[0], pair[1]
