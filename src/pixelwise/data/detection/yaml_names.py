"""The class names of a YOLO data.yaml, without a YAML library.

Only what such files hold under `names:` is understood: a list in brackets, a list with dashes, numbers with names one
on a line, or the same in braces. Anything else is refused, never guessed.
"""

import re
from pathlib import Path

from pixelwise.data.detection.small_files import read_small
from pixelwise.data.detection.written_values import name_text
from pixelwise.errors import InputError

HINT = "write `names: [first, second]`, or one line `  0: first` for each class"

MOST_CLASSES = 100_000
"""Open Images has 600 classes with boxes, ImageNet 21,841; a larger number is a slip of the pen."""

LONGEST_LINE = 1000
"""Characters; the patterns' time grows with the square of a line that is all spaces."""

WORD = r"""'(?:[^'\n]|'')*'|"(?:[^"\\\n]|\\[\\"])*"|[^\s,'"\[\]{}#:&*!|>%@`-][^,\[\]{}#\n:]*"""
"""A name in either kind of quotes, or plain; plain names hold no YAML signs."""

ENTRY = re.compile(rf"\s*(?:(\d{{1,6}})\s*:\s*)?({WORD})\s*", re.ASCII)
DASHED = re.compile(rf"\s*-\s+({WORD})\s*(?:#.*)?", re.ASCII)
NUMBERED = re.compile(rf"\s+['\"]?(\d{{1,6}})['\"]?\s*:\s*({WORD})\s*(?:#.*)?", re.ASCII)


def read_yaml_names(path: Path) -> tuple[str, ...]:
    """The class names in order of their numbers, the first being class 0.

    Raises:
        InputError: naming the file: no names, a form that is not understood, numbers that do not count from 0, or a
            name twice.
    """
    try:
        text = read_small(path, "a data.yaml").decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise InputError("a data.yaml in UTF-8", f"{path}: another encoding", hint=HINT) from problem
    lines = [line.rstrip() for line in text.split("\n")]
    start = next((place for place, line in enumerate(lines) if line.startswith("names:")), None)
    if start is None:
        raise InputError("a line `names:`", f"{path}: none", hint=HINT)
    opening = lines[start].removeprefix("names:").strip()
    if opening and not opening.startswith("#"):
        entries = _in_brackets("\n".join([opening, *lines[start + 1 :]]), path)
    else:
        entries = _on_lines(lines[start + 1 :], path)
    return _in_order(entries, path)


def _in_brackets(text: str, path: Path) -> list[tuple[str | None, str]]:
    """Entries of a list or a mapping, which may go on over several lines."""
    close = {"[": "]", "{": "}"}.get(text[0])
    place, entries = 1, list[tuple[str | None, str]]()
    while close and len(entries) <= MOST_CLASSES:
        found = ENTRY.match(text, place)
        if not found:
            break
        entries.append((found[1], found[2]))
        place = found.end()
        if text[place : place + 1] != ",":
            break
        place += 1
    if not close or text[place:].lstrip()[:1] != close:
        raise InputError("names as a list", f"{path}: {text[:40]!a}", hint=HINT)
    return entries


def _on_lines(lines: list[str], path: Path) -> list[tuple[str | None, str]]:
    """Entries one on a line, until a line that begins with something else."""
    entries: list[tuple[str | None, str]] = []
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if len(line) > LONGEST_LINE:
            raise InputError(f"lines of at most {LONGEST_LINE} characters", f"{path}: {len(line)}", hint=HINT)
        dashed, numbered = DASHED.fullmatch(line), NUMBERED.fullmatch(line)
        if dashed:
            entries.append((None, dashed[1]))
        elif numbered:
            entries.append((numbered[1], numbered[2]))
        elif line[0].isspace() or line[0] == "-":
            raise InputError("a name on each line", f"{path}: {line[:40]!a}", hint=HINT)
        else:
            break
    return entries


def _in_order(entries: list[tuple[str | None, str]], path: Path) -> tuple[str, ...]:
    numbers = [place if number is None else int(number) for place, (number, _) in enumerate(entries)]
    mixed = len({number is None for number, _ in entries}) > 1
    if mixed or sorted(numbers) != list(range(len(numbers))) or not 0 < len(numbers) <= MOST_CLASSES:
        raise InputError("names numbered 0, 1, 2, ...", f"{path}: {len(entries)} names, {numbers[:5]}", hint=HINT)
    words = [word for _, word in entries]
    names = {
        number: name_text(_bare(word), f"{path}: name {number}") for number, word in zip(numbers, words, strict=True)
    }
    if len(set(names.values())) < len(names):
        raise InputError("names that differ", f"{path}: {', '.join(names.values())[:100]}", hint="rename or unite them")
    return tuple(names[number] for number in range(len(names)))


def _bare(word: str) -> str:
    """A name without its quotes."""
    word = word.strip()
    if word.startswith("'"):
        return word[1:-1].replace("''", "'")
    if word.startswith('"'):
        return re.sub(r"\\(.)", r"\1", word[1:-1])
    return word
