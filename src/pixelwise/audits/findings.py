"""A finding: one claim about a model, with its number, its interval, the evidence, and what to do about it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pixelwise.audits.intervals import Interval
from pixelwise.reports.page import Part

Verdict = Literal["fail", "inconclusive", "pass", "note"]
"""A note is told and never stops a release."""

ORDER: tuple[Verdict, ...] = ("fail", "inconclusive", "note", "pass")
"""The order in which a reader wants to see findings."""


@dataclass(frozen=True, eq=False)
class Finding:
    """One claim and what stands behind it.

    `about` says which part of the audit made it, such as "subgroups" or "background swap". `number` is the figure that
    the claim is about, with the ends of its interval (NaN where there are none) and the count `n` of independent
    units. `evidence` are parts of a report: pictures, charts, tables. `what_to_do` is one sentence.
    """

    about: str
    claim: str
    number: float
    lo: float
    hi: float
    n: int
    verdict: Verdict
    what_to_do: str
    evidence: Sequence[Part] = field(default=())

    @property
    def told(self) -> str:
        """The claim with its number, interval and count, where it has one."""
        if math.isnan(self.number):
            return self.claim
        ends = "" if math.isnan(self.lo) or math.isnan(self.hi) else f" ({self.lo:.3f} to {self.hi:.3f})"
        return f"{self.claim} Measured: {self.number:.3f}{ends}, n = {self.n}."

    def to_json(self) -> dict[str, Any]:
        """All but the evidence as plain values; NaN becomes None."""
        numbers = {name: plain(getattr(self, name)) for name in ("number", "lo", "hi")}
        return {
            "about": self.about,
            "claim": self.claim,
            **numbers,
            "n": self.n,
            "verdict": self.verdict,
            "what_to_do": self.what_to_do,
        }


def finding(
    about: str,
    claim: str,
    interval: Interval,
    verdict: Verdict,
    what_to_do: str,
    evidence: Sequence[Part] = (),
) -> Finding:
    """A finding about a figure with an interval."""
    return Finding(about, claim, interval.value, interval.lo, interval.hi, interval.n, verdict, what_to_do, evidence)


def overall(verdicts: Sequence[Verdict]) -> Verdict:
    """Fail if any failed, else inconclusive if any is, else pass; notes do not count."""
    return next((each for each in ("fail", "inconclusive") if each in verdicts), "pass")


def in_order(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Failures first, then what cannot be told; of one verdict the order stays."""
    return tuple(sorted(findings, key=lambda each: ORDER.index(each.verdict)))


def plain(value: Any) -> Any:
    """A value as JSON has it: not-a-number becomes None."""
    return None if isinstance(value, float) and math.isnan(value) else value
