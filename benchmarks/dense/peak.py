"""The largest memory that this process has had resident."""

from pathlib import Path


def peak_megabytes() -> float:
    """VmHWM of Linux, in megabytes.

    `getrusage` would start at what the parent had when it started this process.
    """
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024 / 1e6
