"""What training over groups asks of the other settings."""

from collections.abc import Collection
from typing import Protocol, runtime_checkable

from pixelwise.errors import InputError
from pixelwise.losses.robust import IRM_WEIGHT, STEP, VREX_WEIGHT

WEIGHTS = {"group_dro": STEP, "vrex": VREX_WEIGHT, "irm": IRM_WEIGHT, "coral": 1.0}
"""Each method's own weight: see `pixelwise.losses.robust`; for group_dro the step of the group weights."""

COMPARING = ("vrex", "coral")
"""Methods that compare the groups of one batch."""


@runtime_checkable
class RobustSettings(Protocol):
    """The settings of a recipe that decide how groups count."""

    @property
    def robust(self) -> str:
        """A name of `WEIGHTS`, or none."""

    @property
    def groups(self) -> str:
        """A column, or several joined by *."""

    @property
    def robust_weight(self) -> float:
        """0 for the method's own."""

    @property
    def robust_start(self) -> float:
        """Share of the steps."""

    @property
    def sampling(self) -> str:
        """Where crops lie: uniform or balanced."""

    @property
    def batch_size(self) -> int:
        """Crops per step."""


def check_robust(settings: RobustSettings, terms: Collection[str]) -> None:
    """Makes sure that the settings of groups go together with each other and with the rest.

    Args:
        settings: of the recipe.
        terms: names of the loss's terms.

    Raises:
        InputError: a method without groups, groups or a weight without a method, a loss that is a sum over pixels,
            crops that are drawn evenly by class already, or batches of one crop for a method that compares groups.
    """
    method, batch = settings.robust, settings.batch_size
    if method == "none":
        _check_plain(settings)
        return
    if not settings.groups:
        raise InputError(
            f"groups for the robust training {method}", "none", 'pass groups = "light", or "light*background"'
        )
    if "cross_entropy_sum" in terms:
        raise InputError(
            "a loss whose size does not depend on how many crops a group has in a batch",
            "cross_entropy_sum",
            "use cross_entropy with robust",
        )
    if settings.sampling == "balanced":
        raise InputError("crops drawn evenly by group", "sampling = balanced, by class", "leave sampling away")
    if batch < 2 and method in COMPARING:
        raise InputError(f"batches of at least 2 crops for {method}, which compares groups", str(batch), "use 8")


def _check_plain(settings: RobustSettings) -> None:
    if settings.groups or settings.robust_weight:
        given = "groups" if settings.groups else "robust_weight"
        raise InputError(
            f"a robust training that uses {given}",
            'robust = "none"',
            f"choose one of {', '.join(WEIGHTS)}, or leave {given} away; `pixelwise audit --by` judges any run",
        )
