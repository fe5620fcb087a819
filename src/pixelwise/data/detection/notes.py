"""Faults of one annotation file: collected for the doctor, or raised at the first that loses an object."""

from dataclasses import dataclass

from pixelwise.data.faults import Fault


@dataclass(frozen=True)
class Notes:
    """Where a reader says what is wrong with a file.

    `file` is its path below the data set's folder. `faults` collects them; None means that none is put up with.
    """

    file: str
    faults: list[Fault] | None = None

    def fatal(self, kind: str, found: str, fix: str) -> None:
        """Notes what training must refuse.

        Raises:
            InputError: faults are not collected.
        """
        self._keep(Fault("fatal", kind, self.file, found, fix))

    def background(self, name: str) -> None:
        """Notes that an object is called background, which training must refuse.

        Raises:
            InputError: faults are not collected.
        """
        fix = "remove the annotation, or rename the class; background is what lies in no box"
        self.fatal("background-class", f"{name}: an object of the class background", fix)

    def lost(self, kind: str, found: str, fix: str) -> None:
        """Notes an object or a mask that is left out.

        Raises:
            InputError: faults are not collected.
        """
        self._keep(Fault("warning", kind, self.file, found, fix))

    def warn(self, kind: str, found: str, fix: str) -> None:
        """Notes what loses nothing; never raises."""
        if self.faults is not None:
            self.faults.append(Fault("warning", kind, self.file, found, fix))

    def _keep(self, fault: Fault) -> None:
        if self.faults is None:
            raise fault.as_error()
        self.faults.append(fault)
