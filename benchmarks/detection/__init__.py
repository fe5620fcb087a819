"""Detectors against torchvision's, runnable as `python -m benchmarks.detection.<subject>`."""
