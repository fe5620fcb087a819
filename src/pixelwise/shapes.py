"""Tensor shapes and coordinate conventions, written down once.

Letters: B images in a batch, C channels, K classes, H rows, W columns, N boxes or objects.
Images are RGB, float 0..1, channels first. Sizes are (height, width). Boxes are x0 y0 x1 y1 in pixels, ends exclusive.
Flow is (dx, dy) in pixels, from image 1 to image 2. Pixel centres lie at +0.5. Class 0 is background where a task has
one; 255 in a label map means "ignore".

The tests check these shapes on every call (jaxtyping with beartype); outside the tests they cost nothing.
"""

from jaxtyping import Bool, Float, Integer
from torch import Tensor

IGNORE = 255
"""Label of pixels that count neither in a loss nor in a metric."""

Size = tuple[int, int]
"""Height and width in pixels."""

Image = Float[Tensor, "3 H W"]
Images = Float[Tensor, "B 3 H W"]
LabelMap = Integer[Tensor, "H W"]
LabelMaps = Integer[Tensor, "B H W"]
Scores = Float[Tensor, "B K H W"]
Boxes = Float[Tensor, "N 4"]
Flow = Float[Tensor, "2 H W"]
Mask = Bool[Tensor, "H W"]
