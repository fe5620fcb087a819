"""Errors for users: what was wanted, what was got, and how to mend it."""


class InputError(ValueError):
    """Something a user gave cannot be used: a file, an argument, a folder, a model.

    The command line prints these without a traceback and exits with 1. Our own bugs stay other exceptions.

    >>> print(InputError("a label map of 64x96", "65x96", hint="resize a.png"))
    wanted a label map of 64x96, got 65x96
    hint: resize a.png
    """

    def __init__(self, wanted: str, got: str, hint: str) -> None:
        """Builds the message.

        Args:
            wanted: what would have been right, without the word "wanted".
            got: what was found instead, with the file and item where there is one.
            hint: one thing to do about it, as a command or code where possible.
        """
        super().__init__(wanted, got, hint)
        self.wanted = wanted
        self.got = got
        self.hint = hint

    def __str__(self) -> str:
        return f"wanted {self.wanted}, got {self.got}\nhint: {self.hint}"
