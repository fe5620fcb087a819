"""What an audit costs, runnable as `python -m benchmarks.audits.<subject>`."""
