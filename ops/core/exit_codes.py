"""What the exit codes of `regops` and of the programs beside it mean: docs/schedule.md."""

from __future__ import annotations

import errno

OK, FAILED, WARNINGS = 0, 1, 3
INVALID, MISMATCH, UNREACHABLE, NO_SPACE = 10, 12, 13, 14
# Something else is in the way, such as another task, or read-only mode: EX_TEMPFAIL of sysexits(3).
BUSY = 75
# What shells report for a command ended by SIGINT or SIGTERM.
INTERRUPTED, TERMINATED = 130, 143
# The task did its work, perhaps with warnings.
SUCCESSFUL = (OK, WARNINGS)


def of(error: BaseException) -> int:
    """Return the exit code of an error that ends a program."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NO_SPACE
    return int(getattr(error, "exit_code", FAILED))
