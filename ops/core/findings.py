"""What checks find: each with its state and remedy, and one exit code for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ops.core import exit_codes

OK, WARNING, FAILED, SKIPPED = "ok", "warning", "failed", "skipped"


@dataclass(frozen=True)
class Check:
    """What one check found.

    Attributes:
        name: The name of the check.
        state: `ok`, `warning`, `failed`, or `skipped` if there was nothing to check.
        detail: What was seen.
        remedy: What to do about it; empty if there is nothing to do.
        exit_code: The exit code if it failed: see docs/schedule.md.
    """

    name: str
    state: str
    detail: str
    remedy: str = ""
    exit_code: int = 1


@dataclass(frozen=True)
class Findings:
    """What all checks found."""

    checks: Sequence[Check]

    @property
    def exit_code(self) -> int:
        """The exit code of the first failed check; 3 if there are only warnings."""
        failed = [check.exit_code for check in self.checks if check.state == FAILED]
        if failed:
            return failed[0]
        return exit_codes.WARNINGS if any(check.state == WARNING for check in self.checks) else 0

    def document(self) -> dict[str, Any]:
        """Return them in the form of the JSON output."""
        return {"exit_code": self.exit_code, "checks": [asdict(check) for check in self.checks]}

    @property
    def summary(self) -> str:
        """The first of the worst findings, in one line."""
        for state in (FAILED, WARNING):
            wrong = [check for check in self.checks if check.state == state]
            if wrong:
                more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
                return f"{wrong[0].name}: {wrong[0].detail}{more}"
        return "all is well"
