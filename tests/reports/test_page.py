import re
from html.parser import HTMLParser

import numpy as np
import pytest

from pixelwise.drawing import bar_chart, class_colours, legend, line_chart, matrix_chart
from pixelwise.errors import InputError
from pixelwise.reports import (
    Chart,
    Command,
    Figure,
    Figures,
    Gallery,
    Picture,
    Section,
    Table,
    Text,
    render_page,
    write_page,
)

HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>\"&"
VOID = {"meta", "img", "link", "br", "hr", "input"}


class Outline(HTMLParser):
    """The tags of a page with their attributes and words, and a check that they are closed in order."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.open, self.words = [], [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def picture(height=20, width=30):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)


def everything(word="cow"):
    parts = [
        Text(f"{word} one\n\n{word} two"),
        Command(f"pixelwise predict {word}", note=word),
        Figures([Figure(word, 0.5, word), Figure("nothing", None)]),
        Table((word, "IoU"), [(word, 0.5), ("b", float("nan"))], caption=word),
        Picture(picture(), caption=word, alt=word, key=legend([word], class_colours(1))),
        Gallery(
            [Picture(picture(), word), Picture(picture(), word)], caption=word, key=legend([word], class_colours(1))
        ),
        Chart(bar_chart({word: 0.5}, word, word), caption=word),
        Chart(line_chart({word: [(0, 1.0)]}, word, word, word)),
        Chart(matrix_chart(np.eye(1), [word], word)),
    ]
    return [Section(word, parts)] * 3


def test_the_page_is_complete_in_itself():
    page = render_page("Title", "subtitle", everything(), "footer")
    outline = Outline(page)
    assert set(re.findall(r"https?://[^\"' )]*", page)) == {"http://www.w3.org/2000/svg"}
    assert all(image["src"].startswith("data:image/") for image in outline.all("img"))
    assert not outline.all("script") and not outline.all("link")
    assert "url(" not in page and "@import" not in page
    (policy,) = [meta["content"] for meta in outline.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_the_page_can_be_read_by_everyone():
    outline = Outline(render_page("Title", "subtitle", everything(), "footer"))
    assert outline.all("html") == [{"lang": "en"}]
    assert len(outline.all("h1")) == 1 and len(outline.all("main")) == 1
    assert all(image["alt"] and image["width"] and image["height"] for image in outline.all("img"))
    assert all(drawing.get("aria-label") or drawing.get("aria-hidden") for drawing in outline.all("svg"))
    assert {head["scope"] for head in outline.all("th")} == {"col", "row"}
    names = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
    assert len(names) == len(set(names))
    assert [link["href"].removeprefix("#") in names for link in outline.all("a")] == [True] * 3


def test_hostile_words_stay_words():
    outline = Outline(render_page(HOSTILE, HOSTILE, everything(HOSTILE), HOSTILE))
    assert not outline.all("script")
    assert all(image["src"].startswith("data:") and "onerror" not in image for image in outline.all("img"))
    assert outline.text.count("<script>alert('x')</script>") > 30


def test_an_empty_page_has_its_title_and_no_links():
    outline = Outline(render_page("Title", "", []))
    assert outline.text == "Title Title"
    assert not outline.all("nav") and not outline.all("footer") and not outline.all("section")
    few = Outline(render_page("Title", "", [Section("One", []), Section("Two", [])]))
    assert not few.all("nav")


def test_tables_write_numbers_one_way_and_set_them_right():
    rows = [("cow", 0.12345, 1200, True, "x"), ("camel", float("nan"), None, False, 5)]
    page = render_page("t", "", [Section("s", [Table(("class", "IoU", "pixels", "ok", "mixed"), rows, decimals=2)])])
    assert re.findall(r'<td class="number">(.*?)</td>', page) == ["0.12", "1,200", "n/a", "n/a"]
    assert re.findall(r"<td>(.*?)</td>", page) == ["yes", "x", "no", "5"]
    assert re.findall(r'<th scope="row">(.*?)</th>', page) == ["cow", "camel"]
    assert re.findall(r'<th scope="col" class="number">(.*?)</th>', page) == ["IoU", "pixels"]


@pytest.mark.parametrize("header", [("class", "IoU"), ()])
def test_a_table_without_rows_says_so(header):
    assert "no rows" in Outline(render_page("t", "", [Section("s", [Table(header, [])])])).text


def test_a_row_of_another_length_is_named():
    with pytest.raises(InputError, match="2 cells in each row of the table 'Scores', got 3 in row 2\nhint: use None"):
        Table(("a", "b"), [(1, 2), (1, 2, 3)], "Scores")


def test_text_breaks_into_paragraphs_at_empty_lines():
    page = render_page("t", "", [Section("s", [Text("one\nstill one\n\n\n\ntwo\n"), Text("")])])
    assert re.findall(r"<p>(.*?)</p>", page) == ["one still one", "two"]


def test_commands_keep_their_lines():
    page = render_page("t", "", [Section("s", [Command("first \\\n    --second")])])
    assert "<code>first \\\n    --second</code>" in page


def test_large_pictures_are_made_smaller_and_small_ones_are_shown_larger():
    parts = [Picture(np.zeros((1000, 4000, 3), np.uint8)), Picture(picture(20, 30)), Picture(picture(300, 400))]
    large, small, middle = Outline(render_page("t", "", [Section("s", parts)])).all("img")
    assert (large["width"], large["height"]) == ("1600", "400")
    assert (small["width"], small["height"], small["class"]) == ("300", "200", "sharp")
    assert (middle["width"], middle["height"], middle.get("class")) == ("400", "300", None)


def test_pictures_of_another_kind_are_refused():
    with pytest.raises(InputError, match=r"uint8 and shape \(H, W, 3\), got uint8 \(4, 4\)"):
        render_page("t", "", [Section("s", [Picture(np.zeros((4, 4), np.uint8))])])
    with pytest.raises(InputError, match="at least one pixel"):
        render_page("t", "", [Section("s", [Picture(np.zeros((0, 4, 3), np.uint8))])])


def test_the_page_has_styles_for_the_dark_for_phones_and_for_paper():
    page = render_page("t", "", [])
    assert "@media screen and (prefers-color-scheme: dark)" in page
    assert "@media print" in page and "size: A4" in page and "break-inside: avoid" in page
    assert "@media (max-width:" in page


def test_the_same_page_twice_is_the_same_bytes():
    assert render_page("t", "s", everything()) == render_page("t", "s", everything())


def test_a_written_page_is_whole_and_holds_any_name(tmp_path):
    path = tmp_path / "report.html"
    write_page(path, "Kühe, 牛, \udc80", "s", everything(), "f")
    text = path.read_text("utf-8")
    assert "Kühe, 牛, \\udc80" in text
    assert text.startswith("<!DOCTYPE html>") and text.rstrip().endswith("</html>")
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]


def test_a_page_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(InputError, match=r"Not a directory|File exists"):
        write_page(tmp_path / "file" / "report.html", "t", "s", [])
