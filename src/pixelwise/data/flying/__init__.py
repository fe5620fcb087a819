"""Flying shapes: textured things in front of textured backgrounds, moving by known amounts."""

from pixelwise.data.flying.folder import write_flying as write_flying
from pixelwise.data.flying.generator import FlyingPairs as FlyingPairs
from pixelwise.data.flying.generator import Frames as Frames
from pixelwise.data.flying.generator import draw_frames as draw_frames
from pixelwise.data.flying.recipe import Recipe as Recipe
