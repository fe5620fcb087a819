"""Operations: pure functions on tensors that models, data and metrics share."""

from pixelwise.ops.warp import pixel_centres as pixel_centres
from pixelwise.ops.warp import sample_at as sample_at
from pixelwise.ops.warp import warp as warp
from pixelwise.ops.window import pad_to_multiple as pad_to_multiple
from pixelwise.ops.window import read_window as read_window
