"""Groups of images by their attributes: which there are, how often each is drawn, what is refused."""

from collections import Counter
from pathlib import Path

import pytest

from pixelwise.data.folder import Item
from pixelwise.errors import InputError
from pixelwise.training.draws import generator_for
from pixelwise.training.segmentation.groups import Groups, find_groups, groups_asked_for

LIGHT = ["dark", "bright", "dark", "dark", "bright", "dark"]
PLACE = ["road", "beach", "road", "beach", "beach", "beach"]


def items(light: list[str], place: list[str]) -> list[Item]:
    return [
        Item(f"{number}.png", Path(f"{number}.png"), None, "train", {"light": one, "place": other})
        for number, (one, other) in enumerate(zip(light, place, strict=True))
    ]


def test_groups_are_the_values_of_a_column_or_of_several_crossed() -> None:
    one = find_groups(items(LIGHT, PLACE), items(["dusk", "dark"], ["road", ""]), "light")
    assert one == Groups("light", ("bright", "dark", "dusk"), (1, 0, 1, 1, 0, 1), (2, 1))
    assert one.trained == 2
    assert one.counts(one.training) == {"bright": 2, "dark": 4, "dusk": 0}
    crossed = find_groups(items(LIGHT, PLACE), [], "light*place")
    assert crossed.names == ("bright * beach", "dark * beach", "dark * road")
    assert crossed.facts()["training"] == {"bright * beach": 2, "dark * beach": 2, "dark * road": 2}
    assert groups_asked_for("none", "", items(LIGHT, PLACE), []) is None


def test_the_fingerprint_changes_when_an_image_changes_groups() -> None:
    swapped = [LIGHT[1], LIGHT[0], *LIGHT[2:]]
    one, other = (find_groups(items(light, PLACE), [], "light").facts() for light in (LIGHT, swapped))
    assert one["training"] == other["training"]
    assert one != other


def test_small_groups_are_drawn_as_often_as_large_ones_and_images_of_one_as_often() -> None:
    groups = find_groups(items(LIGHT, PLACE), [], "light")
    drawn = [groups.draw(generator_for(0, index)) for index in range(4000)]
    images = Counter(drawn)
    assert set(images) == set(range(6))
    for image, count in images.items():
        expected = 4000 / (4 if LIGHT[image] == "bright" else 8)
        assert abs(count - expected) < 4 * expected**0.5


@pytest.mark.parametrize(
    ("light", "column", "text"),
    [
        (LIGHT, "weather", r"a column of attributes.csv to group by \(light, place\), got 'weather'\nhint: check --gr"),
        (LIGHT, "light*", r"a column of attributes.csv .*, got ''"),
        (["dark", ""] * 3, "light", "a value of light for every image, got none for 1.png\nhint: fill in its row"),
        (["dark"] * 6, "light", "training images of at least two groups by light, got 6 of the group dark\nhint: ch"),
        (["dusk", *LIGHT[1:]], "light", "at least 2 training images of each group by light, got 1 of dusk\nhint: join"),
        ([*"abcdef"], "light", r"got 1 of a, b, c \.\.\."),
    ],
)
def test_what_makes_no_groups_is_named(light: list[str], column: str, text: str) -> None:
    with pytest.raises(InputError, match=text):
        find_groups(items(light, PLACE), [], column)


def test_images_without_attributes_are_named() -> None:
    bare = [Item("a.png", Path("a.png"), None, "train")] * 2
    with pytest.raises(InputError, match=r"\(no attributes: there is no attributes.csv\), got 'light'\nhint: .*--attr"):
        find_groups(bare, [], "light")
