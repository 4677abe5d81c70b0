"""What the exit codes of `regops` and of the programs beside it mean: docs/schedule.md."""

OK, FAILED, WARNINGS = 0, 1, 3
INVALID, MISMATCH, UNREACHABLE, NO_SPACE = 10, 12, 13, 14
# Another task is running, or the registry is in read-only mode: EX_TEMPFAIL of sysexits(3).
BUSY = 75
# What shells report for a command ended by SIGINT or SIGTERM.
INTERRUPTED, TERMINATED = 130, 143
# The task did its work, perhaps with warnings.
SUCCESSFUL = (OK, WARNINGS)
