"""What a recovery has come to, and how it is told."""

from __future__ import annotations

from dataclasses import dataclass

from ops.backups.recovery import Recovery
from ops.core import exit_codes
from ops.core.findings import and_more

_MINUTE_S = 60


@dataclass(frozen=True)
class Recovered:
    """What came of it.

    Attributes:
        recovery: How far it has come.
        summary: In a line.
        exit_code: See `ops.core.exit_codes`.
    """

    recovery: Recovery
    summary: str
    exit_code: int = exit_codes.OK


def told(recovery: Recovery) -> str:
    """Return how long a recovery took, what was lost, and what went wrong."""
    first, whole = recovery.served - recovery.began, recovery.restored - recovery.began
    figures = (
        f"recovered from backup {recovery.backup[:8]}: first pull after {first:.1f} s, everything back after {whole:.1f} s; "
        f"what was pushed after {recovery.made_at} is lost ({recovery.lost_s / _MINUTE_S:.0f} min)"
    )
    problems = recovery.problems
    return f"{problems[0]}{and_more(problems)}; {figures}" if problems else figures
