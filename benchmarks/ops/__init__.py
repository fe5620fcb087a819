"""Speed and memory of single operations against peers, runnable as `python -m benchmarks.ops.<subject>`."""
