"""What checks find: each with its state and remedy, and one exit code for all."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import asdict, dataclass
from typing import Any

from ops.core import exit_codes

OK, WARNING, FAILED, SKIPPED = "ok", "warning", "failed", "skipped"


def and_more(all_of_them: Sized) -> str:
    """Return what follows the first of several in a line: ` (and 2 more)`; empty if there is only one."""
    return f" (and {len(all_of_them) - 1} more)" if len(all_of_them) > 1 else ""


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
                return f"{wrong[0].name}: {wrong[0].detail}{and_more(wrong)}"
        return "all is well"
