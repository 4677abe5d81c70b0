"""The memory of processes that measurements run."""

from __future__ import annotations

import re
from pathlib import Path


def peak_mb() -> float:
    """Return the memory that this process has had at most, in MB.

    getrusage(2) would count what the process had that has started this one: https://man7.org/linux/man-pages/man2/getrusage.2.html.
    """
    kib = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[0]
    return int(kib) * 1024 / 1e6
