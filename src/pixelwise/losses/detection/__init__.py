"""Losses of detectors: which boxes are asked, and what the answers cost."""
