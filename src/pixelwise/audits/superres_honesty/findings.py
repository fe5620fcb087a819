"""The findings of an audit of a super-resolver: does it keep to its input, and what else could the input have been?"""

import math
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from pixelwise.audits.findings import Finding, Verdict, finding
from pixelwise.audits.intervals import Interval, rate
from pixelwise.audits.superres_honesty.explanations import peak_ratios
from pixelwise.audits.superres_honesty.probes import Deviation, Flips

ABOUT = "super-resolution"

ROUNDING = 0.5
"""Levels: what storing the small image in 8 bits may have moved."""


def consistency_finding(found: Sequence[Deviation], tolerance: float = ROUNDING) -> Finding:
    """Whether every restored image shrinks back to its input; one that failed does not.

    Args:
        found: from `deviations`.
        tolerance: levels that do not matter.
    """
    kept = [each.largest <= tolerance for each in found]  # NaN is not
    failed = [each.failure for each in found if each.failure]
    worst = max((each.largest for each in found if not each.failure), default=math.nan)
    claim = (
        f"{sum(kept)} of {len(found)} restored images shrink back to their input within {tolerance:g} of 255 levels;"
        f" the farthest is off by {worst:.3g}" + (f"; {len(failed)} failed, the first by {failed[0]}" if failed else "")
    )
    mend = "Add what is missing to the input, or say on every picture that it contradicts its input."
    verdict: Verdict = "pass" if all(kept) else "fail"
    return finding(ABOUT, claim, rate(sum(kept), len(found)), verdict, "Nothing." if all(kept) else mend)


def ambiguity_finding(explanations: Sequence[Tensor], free_share: float) -> Finding:
    """How unlike the explanations of one input are: the median PSNR of pairs. A note: it is so for all super-resolvers.

    Args:
        explanations: per input, (K, C, H, W).
        free_share: the share of the large image that the small one leaves open.
    """
    pairs = [peak_ratios(images) for images in explanations if len(images) > 1]
    ratios = np.concatenate([each.numpy() for each in pairs]) if pairs else np.full(1, np.nan)
    middle = Interval(float(np.median(ratios)), math.nan, math.nan, len(pairs))
    claim = (
        f"inputs leave {free_share:.1%} of the large image open; {len(pairs)} inputs have several explanations each,"
        f" which differ from each other by a median PSNR of {middle.value:.1f} dB"
    )
    return finding(ABOUT, claim, middle, "note", "Call restored details plausible, never recovered.")


def flip_finding(found: Flips, accepted: float = 0.0) -> Finding:
    """Whether a class read off a restored image could have been another one.

    Args:
        found: from `flips`.
        accepted: the share of inputs whose class may depend on the explanation. Above it with certainty it fails;
            not below it with certainty it is inconclusive.
    """
    share = found.rate()
    claim = f"the class of {share.value:.1%} of {share.n} inputs depends on which explanation is shown" + (
        f"; {len(found.failures)} inputs could not be asked, the first: {next(iter(found.failures.values()))}"
        if found.failures
        else ""
    )
    verdict: Verdict = "fail" if share.lo > accepted else "pass" if share.hi <= accepted else "inconclusive"
    return finding(
        ABOUT,
        claim,
        share,
        verdict,
        "Do not identify anybody or anything by restored images; classify the input itself and report what it allows.",
    )
