"""Speed and memory against peers: one file per subject, each runnable as `python -m benchmarks.<subject>`."""
