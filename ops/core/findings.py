"""What checks find: each with its state and its remedy, and the exit code that stands for all."""

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
        name: Of the check.
        state: `ok`, `warning`, `failed`, or `skipped`, when there was nothing to check.
        detail: What was seen.
        remedy: What to do about it; empty unless something is to be done.
        exit_code: What stands for it when it failed: docs/schedule.md.
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
        """That of the first check that failed; 3 for warnings alone."""
        failed = [check.exit_code for check in self.checks if check.state == FAILED]
        if failed:
            return failed[0]
        return exit_codes.WARNINGS if any(check.state == WARNING for check in self.checks) else 0

    def document(self) -> dict[str, Any]:
        """Return them as JSON has them."""
        return {"exit_code": self.exit_code, "checks": [asdict(check) for check in self.checks]}

    @property
    def summary(self) -> str:
        """The first of the worst in a line."""
        for state in (FAILED, WARNING):
            wrong = [check for check in self.checks if check.state == state]
            if wrong:
                more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
                return f"{wrong[0].name}: {wrong[0].detail}{more}"
        return "all is well"
