"""The services of this host as systemd sees them: which have failed, and which it keeps restarting."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.core.process import CommandError, run

# It exists if systemd runs the machine: sd_booted(3).
SYSTEMD = Path("/run/systemd/system")
_PROPERTIES = ("Id", "ActiveState", "NRestarts", "ExecMainStartTimestamp")
_LIMIT_S = 20.0
_NUMBER = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,9})?")


@dataclass(frozen=True)
class Unit:
    """A service that systemd has loaded.

    Attributes:
        name: Its name, such as `docker.service`.
        failed: Whether it has failed, and was not started again.
        restarts: How often systemd has restarted it by itself since somebody last started it.
        started: When its process started last, in seconds since 1970; 0 if it never has.
    """

    name: str
    failed: bool = False
    restarts: int = 0
    started: float = 0.0


def loaded_units() -> Sequence[Unit]:
    """Return all services that are loaded; nothing where systemd does not run, or does not answer."""
    if not SYSTEMD.is_dir():
        return ()
    asked = ["systemctl", "show", "--type=service", "--timestamp=unix", f"--property={','.join(_PROPERTIES)}", "*"]
    try:
        return units_of(run(asked, timeout=_LIMIT_S).stdout)
    except CommandError:
        return ()


def units_of(shown: str) -> Sequence[Unit]:
    """Return the units of what `systemctl show` has printed: a paragraph for each, a property on each line."""
    found = []
    for paragraph in shown.split("\n\n"):
        values = dict(line.split("=", 1) for line in paragraph.splitlines() if "=" in line)
        if name := values.get("Id"):
            found.append(
                Unit(
                    name,
                    failed=values.get("ActiveState") == "failed",
                    restarts=int(_number(values.get("NRestarts", ""))),
                    started=_number(values.get("ExecMainStartTimestamp", "").removeprefix("@")),
                )
            )
    return found


def _number(text: str) -> float:
    """Return a number; 0 for none."""
    return float(text) if _NUMBER.fullmatch(text) else 0.0
