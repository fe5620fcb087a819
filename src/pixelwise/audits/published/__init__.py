"""Audits from counts and tables alone: what others publish, without their model or their data."""

from pixelwise.audits.published.consistency import Printed, Reading, readings, suspects
from pixelwise.audits.published.decisions import Decisions, count_decisions, read_columns
from pixelwise.audits.published.disaggregated import Cell, Row, difference, disaggregate

__all__ = [
    "Cell",
    "Decisions",
    "Printed",
    "Reading",
    "Row",
    "count_decisions",
    "difference",
    "disaggregate",
    "read_columns",
    "readings",
    "suspects",
]
