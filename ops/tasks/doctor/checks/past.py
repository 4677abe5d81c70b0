"""What has happened to a container that runs again: whether it ended by itself, and whether its memory was used up."""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta
from pathlib import Path

import humanize
from docker.models.containers import Container

# What ended by itself is told for a day. Shortly after it was made or the machine was started, services may end because others
# are not there yet; then it counts only if it happens often, and until it has run for so long.
_TOLD_S = 86_400.0
_SETTLED_S = 600.0
_OFTEN = 3
_STEADY_S = 3600.0
_CGROUPS = Path("/sys/fs/cgroup")


def past_fault(container: Container) -> str:
    """Return what has happened to a container that is running; empty if nothing has, or if it is long ago."""
    restarts, ended_s = int(container.attrs["RestartCount"]), _seconds_since(container.attrs["State"]["FinishedAt"])
    # Docker counts only those that it started again by itself, not those that somebody or its own restart has ended.
    if restarts and (_counts(container, ended_s) or (restarts > _OFTEN and ended_s < _STEADY_S)):
        ago = humanize.naturaltime(timedelta(seconds=ended_s))
        return f"ended by itself, last {ago}, and was started again (restarts: {restarts})"
    if kills := _kills(int(container.attrs["State"]["Pid"])):
        return f"its memory limit is too low: since it started, {kills} of its processes were OOM-killed"
    return ""


def past_remedy(container: Container, service: str) -> str:
    """Return what to do about it."""
    more = f"raise limits.{service}.memory_mib"
    if int(container.attrs["RestartCount"]):
        return f"`docker logs {container.name}` says why; if it does not, it was OOM-killed: {more}. This is told for a day"
    return f"{more}, and run `up`; `docker restart {container.name}` begins to count anew"


def _seconds_since(moment: str) -> float:
    """Return the seconds since a moment that Docker tells; 0 if it is in the future, by a clock that was ahead."""
    return max(0.0, time.time() - datetime.fromisoformat(moment).timestamp())


def _counts(container: Container, ended_s: float) -> bool:
    settled_s = min(_seconds_since(container.attrs["Created"]), _up_s()) - _SETTLED_S
    return ended_s < min(_TOLD_S, settled_s)


def _up_s() -> float:
    """Return for how many seconds this machine has been running."""
    return float(Path("/proc/uptime").read_text().split()[0])


def _kills(pid: int) -> int:
    """Return how many processes of a container the kernel has killed since it started, for lack of memory; 0 if that is unknown.

    Docker says so of a container that has ended, not of one whose own process lives on. Sources: memory.events in
    https://docs.kernel.org/admin-guide/cgroup-v2.html, and memory.oom_control in cgroup-v1/memory.html there.
    """
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
        groups = {controllers: path.lstrip("/") for _, controllers, path in (line.split(":", 2) for line in lines)}
        one = _CGROUPS / "memory" / groups["memory"] / "memory.oom_control" if "memory" in groups else None
        text = (one or _CGROUPS / groups[""] / "memory.events").read_text()
    except (OSError, KeyError, ValueError):
        return 0
    found = re.search(r"^oom_kill (\d+)$", text, re.MULTILINE)
    return int(found[1]) if found else 0
