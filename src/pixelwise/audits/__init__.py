"""Audits: what a model really learned, whom it fails, and whether it may ship."""

from pixelwise.audits.audit import Audit, audit
from pixelwise.audits.conditions import Conditions, read_conditions
from pixelwise.audits.findings import Finding
from pixelwise.audits.intervals import Interval
from pixelwise.audits.sample_sets import SampleSet
from pixelwise.audits.statistics import Sample, Statistics

__all__ = [
    "Audit",
    "Conditions",
    "Finding",
    "Interval",
    "Sample",
    "SampleSet",
    "Statistics",
    "audit",
    "read_conditions",
]
