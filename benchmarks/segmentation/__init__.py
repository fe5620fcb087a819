"""Segmentation networks against peers, runnable as `python -m benchmarks.segmentation.<subject>`."""
