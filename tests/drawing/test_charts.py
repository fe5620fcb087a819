import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from pixelwise.drawing.charts import bar_chart, line_chart, matrix_chart
from pixelwise.errors import InputError

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert(1)</script>\"'&\x00\udc80"
SHOWN = "<script>alert(1)</script>\"'&��"
NAN = float("nan")


def parsed(svg):
    """Strict XML: anything unescaped would not parse. No addresses but the namespace, no scripts."""
    assert re.findall(r"https?://[^\"]*", svg) == ["http://www.w3.org/2000/svg"]
    root = ET.fromstring(svg)
    assert {node.tag.removeprefix(SVG) for node in root.iter()} <= {
        "svg", "text", "title", "line", "rect", "path", "circle"
    }  # fmt: skip
    return root


def words(root):
    return ["".join(node.itertext()) for node in root.iter(f"{SVG}text")]


def with_class(root, name):
    return [node for node in root.iter() if node.get("class") == name]


def numbers(node, *names):
    return [float(node.get(name)) for name in names]


def inside(root):
    """Every line, bar and word begins within the drawing."""
    _, _, width, height = map(float, root.get("viewBox").split())
    for node in root.iter():
        for name, most in (("x", width), ("x1", width), ("x2", width), ("y", height), ("y1", height), ("y2", height)):
            assert -0.1 <= float(node.get(name, 0)) <= most + 0.1
    return True


class TestLines:
    def test_points_lie_where_their_values_are(self):
        root = parsed(line_chart({"loss": [(0, 0.0), (5, 1.0), (10, 0.5)]}, "epoch", "loss", "Training"))
        x, y = zip(*re.findall(r"[ML]([\d.]+) ([\d.]+)", root.find(f"{SVG}path").get("d")), strict=True)
        x, y = np.array(x, float), np.array(y, float)
        assert x[1] == pytest.approx((x[0] + x[2]) / 2, abs=0.1)
        assert y[2] == pytest.approx((y[0] + y[1]) / 2, abs=0.1)
        assert y[1] < y[0]
        assert {"0.0", "0.2", "1.0", "0", "2", "10", "epoch", "loss", "Training"} <= set(words(root))
        assert inside(root)

    def test_missing_values_leave_gaps_and_lonely_ones_dots(self):
        line = [(0, 1.0), (1, 2.0), (2, NAN), (3, 1.0), (4, float("inf")), (5, 2.0), (6, 2.0)]
        root = parsed(line_chart({"a": line}, "x", "y", "t"))
        assert root.find(f"{SVG}path").get("d").count("M") == 3
        assert len(root.findall(f"{SVG}circle")) == 5

    def test_long_lines_have_no_marks(self):
        root = parsed(line_chart({"a": [(i, i * 0.5) for i in range(500)]}, "x", "y", "t"))
        assert not root.findall(f"{SVG}circle")

    @pytest.mark.parametrize("series", [{}, {"a": []}, {"a": [(1, NAN)]}])
    def test_without_values_it_says_so(self, series):
        root = parsed(line_chart(series, "x", "y", "t"))
        assert "no data" in words(root)
        if series:
            assert "a: no data" in root.get("aria-label")

    def test_one_point_is_seen(self):
        root = parsed(line_chart({"a": [(3, 0.7)]}, "x", "y", "t"))
        assert len(root.findall(f"{SVG}circle")) == 1
        assert inside(root)

    def test_the_range_is_covered_and_never_cuts(self):
        inner = words(parsed(line_chart({"a": [(0, 0.4), (1, 0.5)]}, "x", "y", "t", (0, 1))))
        assert {"0.0", "1.0"} <= set(inner)
        outer = words(parsed(line_chart({"a": [(0, -0.5), (1, 0.5)]}, "x", "y", "t", (0, 1))))
        assert {"-0.5", "1.0"} <= set(outer)

    def test_a_reader_hears_where_each_line_ends(self):
        root = parsed(line_chart({"a": [(0, 1.0), (1, 0.25)]}, "epoch", "loss", "Training"))
        assert root.get("aria-label") == "Training. Line chart of loss by epoch. a: ends at 0.250"
        assert root.get("role") == "img"

    def test_lines_differ_without_colour(self):
        root = parsed(line_chart({str(i): [(0, i), (1, i)] for i in range(30)}, "x", "y", "t"))
        looks = [(path.get("style"), path.get("stroke-dasharray")) for path in root.findall(f"{SVG}path")]
        assert len(set(looks)) == 30
        assert len({dash for _, dash in looks[:5]}) == 5
        assert inside(root)

    def test_hostile_names_come_out_as_words(self):
        root = parsed(line_chart({HOSTILE: [(0, 1.0)]}, HOSTILE, HOSTILE, HOSTILE))
        assert words(root).count(SHOWN) >= 3


class TestBars:
    def test_bars_are_proportional(self):
        values = {"a": 0.25, "b": 0.5, "c": 1.0, "zero": 0.0}
        bars = with_class(parsed(bar_chart(values, "t", "IoU")), "bar")
        widths = [float(bar.get("width")) for bar in bars]
        assert widths == pytest.approx([0.25 * widths[2], 0.5 * widths[2], widths[2], 0], abs=0.1)
        assert len({bar.get("x") for bar in bars}) == 1

    def test_negative_bars_go_the_other_way(self):
        minus, plus = with_class(parsed(bar_chart({"a": -2, "b": 1}, "t", "x")), "bar")
        assert float(minus.get("x")) + float(minus.get("width")) == pytest.approx(float(plus.get("x")), abs=0.1)
        assert float(minus.get("width")) == pytest.approx(2 * float(plus.get("width")), abs=0.2)

    def test_nan_has_no_bar_and_is_not_available(self):
        root = parsed(bar_chart({"a": 0.5, "b": NAN}, "t", "x"))
        assert len(with_class(root, "bar")) == 1
        assert {"0.500", "n/a"} <= set(words(root))
        assert root.get("aria-label") == "t. Bar chart of x. a: 0.500; b: n/a"

    def test_whiskers_and_reference_lie_on_the_same_axis(self):
        root = parsed(bar_chart({"a": 0.5, "b": 1.0}, "t", "x", ("mean", 0.75), {"a": (0.25, 0.75)}))
        whisker = with_class(root, "interval")[0]
        (reference,) = with_class(root, "reference")
        left, right = numbers(whisker, "x1", "x2")
        assert right == pytest.approx(float(reference.get("x1")), abs=0.1)
        zero, length = numbers(with_class(root, "bar")[1], "x", "width")
        assert left == pytest.approx(zero + 0.25 * length, abs=0.15)
        assert "mean 0.750" in words(root)

    def test_missing_references_and_intervals_are_not_drawn(self):
        root = parsed(bar_chart({"a": 0.5}, "t", "x", ("mean", NAN), {"a": (NAN, 0.7)}))
        assert not with_class(root, "reference") and not with_class(root, "interval")
        assert "mean n/a" in words(root)

    @pytest.mark.parametrize("count", [0, 1, 40])
    def test_any_number_of_bars(self, count):
        root = parsed(bar_chart({f"class {i}": i / 40 for i in range(count)}, "t", "x"))
        assert len(with_class(root, "bar")) == count
        assert ("no data" in words(root)) == (count == 0)
        assert inside(root)

    def test_long_names_are_shortened_but_told_in_full(self):
        name = "a very long name of a class " * 3
        root = parsed(bar_chart({name: 1.0}, "t", "x"))
        (label,) = [node for node in root.iter(f"{SVG}text") if (node[-1].tail if len(node) else "").endswith("…")]
        assert label.find(f"{SVG}title").text == name

    def test_hostile_names_come_out_as_words(self):
        assert SHOWN in " ".join(words(parsed(bar_chart({HOSTILE: 1.0}, HOSTILE, HOSTILE))))

    def test_an_interval_without_a_bar_is_refused(self):
        with pytest.raises(InputError, match="intervals for names that have a bar, got 'dog'"):
            bar_chart({"cow": 1.0}, "t", "x", intervals={"dog": (0, 1)})


class TestMatrix:
    MATRIX = np.array([[8, 2, 0], [1, 3, 0], [0, 0, 0]])
    NAMES = ("cow", "camel", "horse")

    def test_cells_tell_share_and_count(self):
        root = parsed(matrix_chart(self.MATRIX, self.NAMES, "Confusion"))
        tips = [cell.find(f"{SVG}title").text for cell in with_class(root, "cell")]
        assert tips[0] == "cow taken for cow: 8 (80.0%)"
        assert tips[1] == "cow taken for camel: 2 (20.0%)"
        assert tips[3] == "camel taken for cow: 1 (25.0%)"
        assert tips[8] == "horse taken for horse: 0 (n/a)"
        assert {"80", "20", "25", "75", "–"} <= set(words(root))
        assert root.get("aria-label").endswith("3 classes, truth by prediction. On the diagonal: 78.6%")

    def test_a_larger_share_of_the_row_is_stronger(self):
        cells = with_class(parsed(matrix_chart(self.MATRIX, self.NAMES, "t")), "cell")
        strengths = [float(cell.get("fill-opacity")) for cell in cells]
        assert strengths[0] > strengths[4] > strengths[3] > strengths[1] > strengths[2] == 0
        assert strengths[6:] == [0, 0, 0]

    def test_right_and_wrong_have_two_colours(self):
        cells = with_class(parsed(matrix_chart(self.MATRIX, self.NAMES, "t")), "cell")
        assert [("--right" in cell.get("style")) for cell in cells] == np.eye(3, dtype=bool).flatten().tolist()

    @pytest.mark.parametrize("count", [1, 2, 12, 13, 40])
    def test_any_number_of_classes(self, count):
        names = [f"a rather long class name, {i}" for i in range(count)]
        root = parsed(matrix_chart(np.eye(count, dtype=np.int64) * 7, names, "t"))
        cells = with_class(root, "cell")
        assert len(cells) == count**2
        assert ("100" in words(root)) == (count <= 12)
        assert inside(root)
        right = max(sum(numbers(cell, "x", "width")) for cell in cells)
        assert right <= float(root.get("viewBox").split()[2])

    def test_no_classes_and_no_pixels(self):
        assert "no classes" in words(parsed(matrix_chart(np.zeros((0, 0), int), [], "t")))
        assert parsed(matrix_chart(np.zeros((2, 2), int), ["a", "b"], "t")).get("aria-label").endswith("n/a")

    def test_hostile_names_come_out_as_words(self):
        root = parsed(matrix_chart(np.eye(2), [HOSTILE, "b"], HOSTILE))
        assert SHOWN in " ".join(words(root))

    @pytest.mark.parametrize(
        ("matrix", "text"),
        [
            (np.zeros((2, 3)), r"3 x 3 for 3 names, got shape \(2, 3\)"),
            (np.full((3, 3), -1), "counts of 0 and more"),
            (np.full((3, 3), NAN), "counts of 0 and more"),
        ],
    )
    def test_other_matrices_are_refused(self, matrix, text):
        with pytest.raises(InputError, match=text):
            matrix_chart(matrix, self.NAMES, "t")
