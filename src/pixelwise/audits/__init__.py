"""Audits: what a model really learned, whom it fails, and whether it may ship."""

from pixelwise.audits.findings import Finding
from pixelwise.audits.intervals import Interval

__all__ = ["Finding", "Interval"]
