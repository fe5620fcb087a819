"""Spoiled copies of a text file: cut, turned over, with hostile numbers and words, or with hostile structure."""

import copy
import json
import random
import re
from typing import Any

NUMBERS = (
    "NaN",
    "nan",
    "Infinity",
    "-Infinity",
    "inf",
    "1e999",
    "-1e999",
    "1e308",
    "1e39",
    "-1",
    "0",
    "0.0",
    "-0.0",
    "1",
    "2",
    "0.5",
    "1e-320",
    "16777216",
    "16777217",
    "999999999",
    "2147483648",
    "9223372036854775808",
    "1000000000000000000000000000000",
    "1e9",
    "-7",
    "40",
    "60",
    "12.75",
    "true",
    "null",
    "0x10",
    "1_000",
    "٣",
    ".5",
    "5.",
    "+",
    ".",
)

WORDS = (
    '"',
    "'",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "<",
    ">",
    "&",
    "&lt;",
    "&x;",
    "\x00",
    "\ufeff",
    "\ud7ff",
    "é",
    "\n",
    "\\",
)

VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**31, 2**63, 10**30, 1e308, -1e308, float("nan"), float("inf"), 0.5, 1e-300, "",
    "x", "\x00", "\ud800", "../../x", "/etc/x", "a.png", "1", [], {}, [[]], [{}], [0], [1, 2, 3, 4], [1e308] * 4,
    [float("nan")] * 4, [[1, 1, 5, 1, 5, 5]], [[1, 1, 5]], [[1e7, 0, 0, 1e7, 5, 5]], {"size": [40, 60], "counts": [1]},
    {"size": [40, 60], "counts": [2400]}, {"size": [10**9, 10**9], "counts": [10**18]},
    {"size": [40, 60], "counts": "\ud800"}, {"size": [40, 60], "counts": "o" * 40}, {"counts": [0, 2**62, -(2**62)]},
    {"size": [40, 60], "counts": [2**61, 2**61, 2**61, 2**61, 2**61, 2**61, 2**61, 2**61, 2400]},
    [[]] * 50, "x" * 5000, 16777216, 16777217,
)  # fmt: skip


def spoiled_text(text: str, draw: random.Random) -> bytes:
    """One to three faults anywhere in a text."""
    for _ in range(draw.randint(1, 3)):
        text = draw.choice((_cut, _twice, _word, _number, _number, _number, _swap, _nest))(text, draw)
    content = bytearray(text.encode("utf-8", "surrogatepass"))
    if content and draw.random() < 0.15:
        content[draw.randrange(len(content))] = draw.randrange(256)
    return bytes(content)


def spoiled_numbers(text: str, draw: random.Random) -> bytes:
    """One to four numbers replaced, so that the file's structure stays what it is."""
    for _ in range(draw.randint(1, 4)):
        text = _number(text, draw)
    return text.encode()


def spoiled_json(content: Any, draw: random.Random) -> bytes:
    """A JSON file with one to four values replaced, removed or repeated anywhere in its structure."""
    content = json.loads(json.dumps(content))
    for _ in range(draw.randint(1, 4)):
        places = list(_places(content))
        holder, key = draw.choice(places)
        how = draw.random()
        if how < 0.7:
            holder[key] = copy.deepcopy(draw.choice(VALUES))
        elif how < 0.85:
            del holder[key]
        elif isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        else:
            holder[str(key) + "x"] = copy.deepcopy(holder[key])
        if not list(_places(content)):
            break
    return json.dumps(content).encode("utf-8", "surrogatepass")


def _places(content: Any, depth: int = 0) -> Any:
    keys = list(content) if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ()
    for key in keys:
        yield content, key
        if depth < 6:
            yield from _places(content[key], depth + 1)


def _cut(text: str, draw: random.Random) -> str:
    start = draw.randrange(len(text) + 1)
    return text[:start] + text[start + draw.choice((1, 3, 30, len(text))) :]


def _twice(text: str, draw: random.Random) -> str:
    start = draw.randrange(len(text) + 1)
    part = text[start : start + draw.choice((2, 20, 200))]
    return text[:start] + part * draw.choice((2, 2, 40)) + text[start:]


def _word(text: str, draw: random.Random) -> str:
    place = draw.randrange(len(text) + 1)
    return text[:place] + draw.choice(WORDS) + text[place:]


def _number(text: str, draw: random.Random) -> str:
    found = list(re.finditer(r"-?\d+(\.\d+)?", text))
    if not found:
        return text
    chosen = draw.choice(found)
    return text[: chosen.start()] + draw.choice(NUMBERS) + text[chosen.end() :]


def _swap(text: str, draw: random.Random) -> str:
    found = list(re.finditer(r"\w+", text))
    if len(found) < 2:
        return text
    first, second = sorted(draw.sample(found, 2), key=lambda match: match.start())
    between = text[first.end() : second.start()]
    return text[: first.start()] + second[0] + between + first[0] + text[second.end() :]


def _nest(text: str, draw: random.Random) -> str:
    """Brackets or elements around or inside, sometimes deeper than any parser's stack."""
    depth = draw.choice((2, 40, 3000))
    opened, closed = draw.choice((("[", "]"), ('{"a":', "}"), ("<a>", "</a>")))
    place = draw.randrange(len(text) + 1)
    inside = text[place : place + 5]
    return text[:place] + opened * depth + inside + closed * depth + text[place + 5 :]
