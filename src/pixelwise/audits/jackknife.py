"""How far a gap may lie off by chance: its error when units are left out in turn, and the p-value that follows.

Three things make a test by "gap over bootstrap error, Student's t" fail clean models too often, all where a score is a
ratio of sums that rest on a few large images (docs/decisions/013-errors-of-gaps.md has the figures):

- The error is too small: linear expansions and the bootstrap miss part of what an image does to the denominator. The
  jackknife's is right or a little too large (Efron and Stein 1981, "The jackknife estimate of variance").
- The error is itself uncertain: 50 images of which 15 hold the class, three of them large, tell it no better than a few
  equal ones. Its degrees of freedom follow from fourth moments (Satterthwaite 1946; Welch 1947 for two sides).
- By chance a small group is all alike. Its error is never taken below one moderated by that of all images, as in Smyth
  2004, "Linear models and empirical Bayes methods for assessing differential expression". If that of the group is
  larger, it stays: groups may differ in how much their images vary.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy import special  # type: ignore[import-untyped]  # scipy ships no types; scipy.stats takes 0.6 s to import

from pixelwise.audits.intervals import Number
from pixelwise.audits.measures import ROUNDING, Masks, Measure, Owner

PRIOR = 5.0
"""Degrees of freedom that the spread of all images counts for. With 0, rates of 0.2 in 8 equal groups of 50 fail 9 % of
audits; with 5, 5 %."""

MOST = 1000
"""Parts that are left out in turn. More units are left out several at a time: average precision takes as long for each
part as for a draw of the bootstrap, and beyond some hundred parts an error hardly gets surer."""

Changes = Float64[np.ndarray, "U G"]
Each = Float64[np.ndarray, " G"]


@dataclass(frozen=True, eq=False)
class Errors:
    """Standard errors of gaps and their degrees of freedom; NaN where a score is undefined without one of the units."""

    error: Each
    freedom: Each

    def excess_p(self, place: int, gap: Number, margin: Number) -> float:
        """One-sided p-value that a gap exceeds the margin by chance; NaN if the gap or its error is.

        Args:
            place: the column of the group.
            gap: as measured.
            margin: the largest gap that does not matter.
        """
        distance, error = float(gap) - float(margin), float(self.error[place])
        if np.isnan(distance) or np.isnan(error):
            return float("nan")
        if error == 0:  # as with a model that is always right
            return 0.0 if distance > ROUNDING else 1.0
        return float(special.stdtr(self.freedom[place], -distance / error))


def gap_errors(measure: Measure, masks: Masks, owner: Owner, rng: np.random.Generator) -> Errors:
    """The errors of the gaps between groups and all other images.

    Args:
        measure: whose gaps they are.
        masks: the images of each group; all images in the first column, which has no gap and no error.
        owner: the unit 0..U-1 of each image, itself or its cluster.
        rng: joins units by chance where there are many.
    """
    parts = _parts(owner, rng)
    changes = _changes(measure, masks, parts)
    spread = (changes[0][:, 0] ** 2).sum() * (int(owner.max()) + 1)
    group, rest = (
        _side(change, _held(parts, inside), spread, _held(owner, inside))
        for change, inside in zip(changes, (masks, ~masks), strict=True)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        # Units in both, as videos of which a part is dark, move both scores together: 1 without such.
        shared = ((changes[1] - changes[0]) ** 2).sum(0) / (group.plain + rest.plain)
        variance = group.variance + rest.variance
        freedom = variance**2 / (group.variance**2 / group.freedom + rest.variance**2 / rest.freedom)
    variance = variance * np.where(group.plain + rest.plain == 0, 1, shared)
    return Errors(np.sqrt(variance), np.minimum(freedom, np.minimum(group.units, rest.units) - 1))


def change_errors(new: Measure, old: Measure, masks: Masks, owner: Owner, rng: np.random.Generator) -> Errors:
    """The errors of the differences between two models on the same images of each group.

    Args:
        new: a measure of one model.
        old: the same of the other.
        masks: the images of each group; all images in the first column.
        owner: the unit 0..U-1 of each image.
        rng: joins units by chance where there are many.
    """
    parts = _parts(owner, rng)
    changes = _changes(new, masks, parts)[0] - _changes(old, masks, parts)[0]
    spread = (changes[:, 0] ** 2).sum() * (int(owner.max()) + 1)
    side = _side(changes, _held(parts, masks), spread, _held(owner, masks))
    return Errors(np.sqrt(side.variance), np.minimum(side.freedom, side.units - 1))


@dataclass(frozen=True, eq=False)
class _Side:
    """The error variance of scores: plain, and not below the moderated one; how sure it is, and of how many parts."""

    plain: Each
    variance: Each
    freedom: Each
    units: Each


def _side(changes: Changes, units: Each, spread: Number, held: Each) -> _Side:
    """The error of each column's score.

    Args:
        changes: as each part is left out.
        units: parts that the score rests on.
        spread: the error variance of all images' score times their number of units.
        held: units that the score rests on.
    """
    plain = (changes**2).sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        # Of equal changes the variance is certain: infinite, and cut; of none there is nothing to know it by.
        own = np.minimum(2 * plain**2 / np.maximum((changes**4).sum(0) - plain**2 / units, 0), units - 1)
        freedom = np.where(plain > 0, own, 0)
        moderated = (freedom * plain + PRIOR * spread / held) / (freedom + PRIOR)
    return _Side(plain, np.maximum(plain, moderated), freedom + PRIOR, units)


def _changes(measure: Measure, masks: Masks, parts: Owner) -> tuple[Changes, Changes]:
    """What leaving out each part changes in the scores of the groups and of all other images.

    It is scaled so that the squares of a column add up to the error variance of its score.
    """
    whole = measure.groups_and_rests(np.ones((1, len(masks))), masks)
    without = measure.without_each(parts, masks)
    group, rest = (
        np.where(np.abs(left - value) < ROUNDING * np.abs(value), 0, left - value)
        * np.sqrt(1 - 1 / np.maximum(_held(parts, inside), 1))
        for value, left, inside in zip(whole, without, (masks, ~masks), strict=True)
    )
    return group, rest


def _parts(owner: Owner, rng: np.random.Generator) -> Owner:
    """The part of each image: its unit, or by chance one of the most there may be."""
    units = int(owner.max()) + 1
    return owner if units <= MOST else (rng.permutation(units) % MOST)[owner]


def _held(owner: Owner, masks: Masks) -> Each:
    """How many owners have images in each column."""
    return np.array([np.count_nonzero(np.bincount(owner[mask])) for mask in masks.T], dtype=np.float64)
