"""The command `pixelwise`: reads the line, calls the verb, and turns errors into messages and exit codes."""

import errno
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from pixelwise import __version__
from pixelwise.cli import data, dense, train
from pixelwise.cli.audit import audit
from pixelwise.cli.demo import demo
from pixelwise.cli.evaluate import evaluate
from pixelwise.cli.predict import predict
from pixelwise.errors import InputError

DONE, FAILED, WRONG_USAGE = 0, 1, 2

app = App(
    name="pixelwise",
    version=__version__,
    help="Dense visual prediction: every pixel, computed once; every claim, checked.",
    help_epilogue="First time here: pixelwise demo",
    suppress_keyboard_interrupt=False,  # cyclopts would exit without a word
)

app.command(demo)
app.command(data.app)
app.command(train.app)
app.command(evaluate)
app.command(audit)
app.command(predict)
app.command(dense.app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command line and exits: 0 done, 1 bad input or failure, 2 wrong usage; an audit: 3 failed, 4 open."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """The exit code of one command line; errors that a user can cause are printed to stderr, without a traceback."""
    try:
        result = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        return _say(
            f"{error}\nhint: pixelwise {' '.join(error.command_chain or ())} --help".replace("  ", " "), WRONG_USAGE
        )
    except InputError as error:
        return _say(str(error), FAILED)
    except OSError as error:
        return _say(_operating_system(error), FAILED)
    except KeyboardInterrupt as stopped:
        told = str(stopped) or "interrupted; what was finished is kept\nhint: run it again to continue"
        return _say(told, FAILED)
    return result if isinstance(result, int) else DONE


def _operating_system(error: OSError) -> str:
    where = f" {error.filename}" if error.filename else ""
    hint = {
        errno.ENOSPC: "free some space, then run the command again (training: with --resume)",
        errno.EACCES: "check the permissions of the folder",
    }.get(error.errno or 0, "check the path and the disk, then run the command again")
    return f"the system refused{where}: {error.strerror or error}\nhint: {hint}"


def _say(text: str, code: int) -> int:
    print(text, file=sys.stderr)
    return code
