"""Names of parametrized cases that are the same in every process, so that workers agree on which tests there are."""

from __future__ import annotations


def case_name(value: object) -> str:
    """Return a value as text, the members of a set in order."""
    return str(sorted(value) if isinstance(value, set) else value)
