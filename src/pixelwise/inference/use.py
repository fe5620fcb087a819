"""How a trained model is to be used, which changes neither its weights nor what it has learned."""

from typing import NamedTuple


class Use(NamedTuple):
    """`pixelwise.inference.load` says what these are."""

    memory: str | int = "1GB"
    tile: int | None = None
    fold: bool = False
    precision: str = "32"
