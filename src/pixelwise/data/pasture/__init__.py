"""Pasture: a procedural world in which everything is known."""

from pixelwise.data.pasture.folder import write_folder as write_folder
from pixelwise.data.pasture.knobs import BACKGROUNDS as BACKGROUNDS
from pixelwise.data.pasture.knobs import CLASSES as CLASSES
from pixelwise.data.pasture.knobs import Knobs as Knobs
from pixelwise.data.pasture.pairs import PasturePairs as PasturePairs
from pixelwise.data.pasture.render import Scene as Scene
from pixelwise.data.pasture.render import render as render
