"""Every wrong setting is named with what would be right."""

from dataclasses import asdict
from typing import Any

import pytest

from pixelwise.data.pasture import Knobs
from pixelwise.errors import InputError


def check(settings: dict[str, Any]) -> None:
    """Checks settings as Knobs does, past the type checker of the test run, which would refuse wrong types first."""
    knobs = object.__new__(Knobs)
    for name, value in {**asdict(Knobs()), **settings}.items():
        object.__setattr__(knobs, name, value)
    knobs.__post_init__()


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"size": (31, 128)}, "whole numbers from 32 to 8192 for the knob size, got (31, 128)"),
        ({"size": (128, 8193)}, "knob size"),
        ({"size": (128.0, 128)}, "whole numbers"),
        ({"size": 128}, "2 numbers for the knob size, got 128"),
        ({"size": [128, 128]}, "2 numbers for the knob size"),
        ({"reference": 8}, "a whole number from 32 to 8192 for the knob reference, got 8"),
        ({"objects": (3, 1)}, "objects as (least, most), got (3, 1)\nhint: objects=(1, 3)"),
        ({"objects": (-1, 1)}, "from 0 to 60000 for the knob objects"),
        ({"objects": (True, 1)}, "knob objects"),
        ({"scale": (0.01, 0.5)}, "from 0.05 to 1.0 for the knob scale"),
        ({"scale": (0.5, 0.4)}, "scale as (least, most)"),
        ({"classes": (1.0, 1.0, 1.0)}, "4 numbers for the knob classes"),
        ({"classes": (0.0, 0.0, 0.0, 0.0)}, "positive sum for the knob classes"),
        ({"backgrounds": (1.0, 1.0, 1.0, 1.0, -1.0)}, "at least 0"),
        ({"backgrounds": (1.0, 1.0, 1.0, 1.0, float("inf"))}, "knob backgrounds"),
        ({"correlation": 1.5}, "a number from 0 to 1 for the knob correlation, got 1.5"),
        ({"correlation": float("nan")}, "knob correlation, got nan"),
        ({"correlation": "high"}, "knob correlation, got 'high'"),
        ({"dark_fur": (0.5, 0.5, 0.5, 2.0)}, "knob dark_fur"),
        ({"dark_fur": 0.5}, "4 numbers for the knob dark_fur"),
        ({"light": (0.0, 1.0)}, "from 0.1 to 1.5 for the knob light"),
        ({"motion": (0.0, 2000.0)}, "knob motion"),
        ({"camera": (4.0, 2.0)}, "camera as (least, most)"),
        ({"turn": 90.0}, "from 0 to 45 for the knob turn"),
        ({"words": -0.1}, "knob words"),
        ({"word_agreement": None}, "knob word_agreement, got None"),
        ({"noise": -1.0}, "knob noise"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(InputError) as caught:
        check(settings)
    assert text in str(caught.value)


def test_ranges_may_be_a_single_point() -> None:
    knobs = Knobs(objects=(2, 2), scale=(0.5, 0.5), light=(1.0, 1.0), motion=(0.0, 0.0))
    assert knobs.objects == (2, 2)


def test_an_enlarged_world_keeps_its_pixel_scale() -> None:
    large = Knobs(size=(96, 128), objects=(1, 4)).enlarged((192, 512))
    assert (large.size, large.reference_pixels, large.objects) == ((192, 512), 96, (8, 32))
