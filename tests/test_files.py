"""Files appear whole or not at all."""

import os
import stat
from pathlib import Path

import pytest

from pixelwise.files import whole_file, write_bytes, write_text


def test_the_file_appears_when_the_block_ends(tmp_path: Path):
    path = tmp_path / "new" / "folder" / "a.json"
    with whole_file(path) as temporary:
        assert temporary.parent == path.parent
        assert temporary.suffix == ".json"
        temporary.write_text("half")
        assert not path.exists()
    assert path.read_text() == "half"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_and_no_trace(tmp_path: Path, error: type[BaseException]):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(error), whole_file(path) as temporary:
        temporary.write_text("new")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_it_is_as_readable_as_other_new_files(tmp_path: Path):
    before = os.umask(0o027)
    try:
        write_bytes(tmp_path / "a", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_text_is_utf_8(tmp_path: Path):
    write_text(tmp_path / "a.txt", "Kühe – 牛")
    assert (tmp_path / "a.txt").read_bytes() == "Kühe – 牛".encode()
