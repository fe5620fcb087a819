"""A fault of a data set: where, what was found, and what to do."""

from dataclasses import dataclass
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
        return InputError(f"a data set without {self.kind}", f"{self.file}: {self.found}", hint=self.fix)


def fault_of(error: InputError, kind: str, file: str) -> Fault:
    """A fatal fault that says what an error says."""
    return Fault("fatal", kind, file, f"{error.got} (wanted {error.wanted})", error.hint)
