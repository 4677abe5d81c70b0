"""What the exit codes of `regops` and of the programs beside it mean: docs/schedule.md."""

OK, FAILED, WARNINGS = 0, 1, 3
INVALID, MISMATCH, UNREACHABLE, NO_SPACE = 10, 12, 13, 14
# Another task is at work, or the registry is being maintained: EX_TEMPFAIL of sysexits(3).
BUSY = 75
# As shells name what was ended by SIGINT and by SIGTERM.
INTERRUPTED, TERMINATED = 130, 143
# It did what it should, if not without a word.
SUCCESSFUL = (OK, WARNINGS)
