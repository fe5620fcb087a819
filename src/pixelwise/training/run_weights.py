"""The weights of a run at its start, which may be a checkpoint or another network's, and at its end."""

from pathlib import Path

from torch import nn

from pixelwise.files import write_text
from pixelwise.inference.run_folder import check_weights, write_weights
from pixelwise.models.starting_weights import start_from
from pixelwise.training.checkpoints import BEST, finished_epochs, newest_checkpoint, weights_in
from pixelwise.training.listener import Listener


def started(run: Path, network: nn.Module, prefix: str, weights: str, epochs: int, tell: Listener) -> Path | None:
    """The checkpoint to continue from; or None, and the network has the weights it is to start from.

    Args:
        run: the run folder.
        network: as it was built; a checkpoint does not change it here.
        prefix: what its weights' names begin with in a checkpoint, such as "model.".
        weights: see `pixelwise.models.start_from`; empty leaves the network as it is.
        epochs: of the run, to be told.
        tell: who is told.

    Raises:
        InputError: a checkpoint of another network, or weights that cannot be had.
    """
    checkpoint = newest_checkpoint(run, tell.note)
    if checkpoint is not None:
        check_weights(weights_in(checkpoint, prefix), network, checkpoint)
        tell.note(f"continuing after epoch {finished_epochs(checkpoint)} of {epochs}")
    elif weights:
        report = str(start_from(network, weights))
        write_text(run / "starting_weights.txt", report + "\n")
        tell.note(report)
    return checkpoint


def keep_weights(run: Path, network: nn.Module, prefix: str, keep: str, tell: Listener) -> None:
    """Writes model.safetensors with the weights of the best epoch if `keep` is "best" and there is one, or the last.

    They come from the checkpoint, not from the network in memory: of a run that had finished its epochs, that is not
    the average.
    """
    best, last = run / "checkpoints" / BEST, newest_checkpoint(run, tell.note)
    assert last is not None, "fit has written it"
    network.load_state_dict(weights_in(best if keep == "best" and best.is_file() else last, prefix))
    write_weights(run, network)
