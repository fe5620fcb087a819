"""Feedback loops: systems that look where they found something before, and what corrects them."""

from pixelwise.audits.feedback.estimators import Estimator, Visits, importance_weighted, raw_counts, rejection
from pixelwise.audits.feedback.policies import Policy, exploring, greedy, proportional
from pixelwise.audits.feedback.simulate import Course, World, simulate
from pixelwise.audits.feedback.urns import UrnLimit, patrol_urn, urn_limit

__all__ = [
    "Course",
    "Estimator",
    "Policy",
    "UrnLimit",
    "Visits",
    "World",
    "exploring",
    "greedy",
    "importance_weighted",
    "patrol_urn",
    "proportional",
    "raw_counts",
    "rejection",
    "simulate",
    "urn_limit",
]
