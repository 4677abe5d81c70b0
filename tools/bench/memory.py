"""The memory that a process has had at most."""

from __future__ import annotations

import re
from pathlib import Path


def peak_kib(status: str | None = None) -> int:
    """Return the memory that a process has had at most, in KiB.

    getrusage(2) would count what the process had that has started it: https://man7.org/linux/man-pages/man2/getrusage.2.html.

    Args:
        status: Its `/proc/PID/status`; None for that of this process.
    """
    text = Path("/proc/self/status").read_text() if status is None else status
    return int(re.findall(r"VmHWM:\s+(\d+) kB", text)[0])
