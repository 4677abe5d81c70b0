"""Steps that build on each other: run in order up to the first that fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ops.core.findings import FAILED, OK, SKIPPED, Check
from ops.registry.transport import RegistryError

# The name of a step, what it does (it returns what was seen), and the remedy if it fails.
Step = tuple[str, Callable[[], str], str]


class Skipped(Exception):  # noqa: N818  # no error
    """A step has nothing to check; the text says why."""


def run_steps(steps: Sequence[Step], remedy_of: Callable[[RegistryError], str]) -> list[Check]:
    """Run steps in order, up to the first that fails; return what each found.

    Args:
        steps: The steps.
        remedy_of: Returns the remedy for errors that can happen at any step; empty for others.
    """
    checks: list[Check] = []
    for name, step, remedy in steps:
        if any(check.state == FAILED for check in checks):
            checks.append(not_tried(name))
            continue
        try:
            checks.append(Check(name, OK, step()))
        except Skipped as reason:
            checks.append(Check(name, SKIPPED, str(reason)))
        except RegistryError as error:
            checks.append(Check(name, FAILED, str(error), remedy_of(error) or remedy, error.exit_code))
    return checks


def not_tried(name: str) -> Check:
    """Return the check of a step that was not run because an earlier one failed."""
    return Check(name, SKIPPED, "not tried")
