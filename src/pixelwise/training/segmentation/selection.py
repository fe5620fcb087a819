"""Which of a run's weights are kept, in words: a score means less the more it was looked at to choose them."""


def selection_rule(keep: str, robust: str, validation: int) -> str:
    """The rule, to stand after "Weights kept: ".

    Args:
        keep: best or last.
        robust: none, or the method of training over groups.
        validation: how many images it could be told by.

    >>> selection_rule("best", "irm", 7)
    'those of the epoch with the best mean IoU of the worst group on 7 validation images'
    """
    if keep == "last" or not validation:
        return "those of the last epoch"
    worst = "" if robust == "none" else " of the worst group"
    return f"those of the epoch with the best mean IoU{worst} on {validation} validation images"
