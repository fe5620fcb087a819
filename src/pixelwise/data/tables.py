"""Small text tables beside a data set: which file is in which split, and attributes of each file."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pixelwise.errors import InputError

SPLITS_HINT = "a splits file has the columns file,split, such as `a.png,train`"
ATTRIBUTES_HINT = "an attributes file has the file name in its first column and a column title in its first line"


@dataclass(frozen=True)
class Row:
    """One line of a table: what it is about, its cells, and where it stands."""

    key: str
    cells: Mapping[str, str]
    where: str


def read_table(path: Path, hint: str) -> list[Row]:
    """The rows of a CSV file with titles in its first line; the first column is the key, missing cells are "".

    Raises:
        InputError: naming the file and the line: missing, not UTF-8, empty, titles that repeat, a row that is too
            long or has no key.
    """
    text = read_utf8(path, hint)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    lines: list[tuple[int, list[str]]] = []
    try:
        lines.extend((reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells))
    except csv.Error as problem:
        raise InputError("a CSV file", f"{path} line {reader.line_num}: {problem}", hint=hint) from problem
    if not lines:
        raise InputError("a CSV file with titles in its first line", f"{path}: empty", hint=hint)
    titles = [title.strip() for title in lines[0][1]]
    if len(set(titles)) < len(titles):
        raise InputError("distinct column titles", f"{path} line {lines[0][0]}: {', '.join(titles)}", hint=hint)
    return [_row(titles, cells, f"{path} line {number}", hint) for number, cells in lines[1:]]


def read_utf8(path: Path, hint: str) -> str:
    """The text of a small file, without the byte-order mark that editors on Windows write.

    Raises:
        InputError: naming the file, when it is missing, cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as problem:
        raise InputError("a text file", f"{path}: {problem.strerror}", hint=hint) from problem
    except ValueError as problem:
        raise InputError("a text file in UTF-8", f"{path}: another encoding", hint=hint) from problem


def read_splits(path: Path) -> list[Row]:
    """Rows whose key is a file and whose only cell is "split", from a CSV file or from train.txt, val.txt, test.txt.

    Raises:
        InputError: naming the file and the line.
    """
    if path.suffix.lower() == ".txt":
        return _listed(path)
    rows = read_table(path, SPLITS_HINT)
    for row in rows:
        if tuple(row.cells) != ("split",) or not row.cells["split"]:
            raise InputError("the columns file,split", f"{row.where}: {_shown(row)}", hint=SPLITS_HINT)
    return rows


def _listed(path: Path) -> list[Row]:
    """The names in a text file whose own name is the split."""
    lines = read_utf8(path, "write one file name per line").splitlines()
    return [
        Row(line.strip(), {"split": path.stem}, f"{path} line {number}")
        for number, line in enumerate(lines, start=1)
        if line.strip() and not line.startswith("#")
    ]


def _row(titles: list[str], cells: list[str], where: str, hint: str) -> Row:
    if len(cells) > len(titles):
        raise InputError(f"at most {len(titles)} columns, as in the first line", f"{where}: {len(cells)}", hint=hint)
    if not cells[0].strip():
        raise InputError("a file name in the first column", f"{where}: none", hint=hint)
    filled = [cell.strip() for cell in cells] + [""] * (len(titles) - len(cells))
    return Row(filled[0], dict(zip(titles[1:], filled[1:], strict=True)), where)


def _shown(row: Row) -> str:
    return ",".join([row.key, *row.cells.values()])
