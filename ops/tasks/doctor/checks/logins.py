"""The check of logins: which accounts are refused again and again, from where."""

from __future__ import annotations

from datetime import UTC, datetime

from ops.config import FailingLogin
from ops.core.findings import OK, WARNING, Check
from ops.stack.logins import failing_logins
from ops.stack.stack import Stack

_NAME = "logins"
_SHOWN = 3
_REMEDY = (
    "give what signs in there the present password (`pulumi stack output accounts --show-secrets` in the checkout), or stop it; "
    "right passwords are let in meanwhile, also from there"
)


def logins(stack: Stack) -> Check:
    """Check whether an account is refused again and again, as when a program keeps an old password."""
    found = failing_logins(stack)
    if not found:
        return Check(_NAME, OK, "no account is refused again and again")
    more = len(found) - _SHOWN
    detail = "; ".join([*map(_said, found[:_SHOWN]), *([f"and {more} more"] if more > 0 else [])])
    return Check(_NAME, WARNING, detail, _REMEDY)


def _said(one: FailingLogin) -> str:
    since = datetime.fromtimestamp(one.since, UTC)
    return f"{one.account!r} was refused {one.times} times from {one.client} since {since:%Y-%m-%d %H:%M} UTC"
