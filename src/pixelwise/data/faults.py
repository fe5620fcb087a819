"""A fault of a data set: where, what was found, and what to do."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pixelwise.errors import InputError


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a data set.

    Training refuses "fatal" faults: they would stop it, or make its figures false. A "warning" is worth a look.
    `kind` is a short fixed word such as "size-mismatch"; `file` is relative to the data set's folder, or the folder
    itself.
    """

    severity: Literal["fatal", "warning"]
    kind: str
    file: str
    found: str
    fix: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.file}: {self.found} [{self.kind}]\n  fix: {self.fix}"

    def as_error(self) -> InputError:
        """The same as an error, for readers that cannot go on."""
        return InputError("a data set folder without this fault", f"{self.file}: {self.found}", hint=self.fix)


def fault_of(error: InputError, kind: str, file: Path, root: Path) -> Fault:
    """A fatal fault that says what an error about one file says."""
    said = re.match(re.escape(str(file)) + r"(?P<line> line \d+)?(: )?", error.got)
    line, found = (said["line"] or "", error.got[said.end() :]) if said else ("", error.got)
    return Fault("fatal", kind, relative(file, root) + line, f"{found} (wanted {error.wanted})", error.hint)


def relative(file: Path, root: Path) -> str:
    """A file's path below the data set's folder, or its whole path when it lies elsewhere."""
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)
