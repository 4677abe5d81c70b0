"""The check of logins: accounts that are refused again and again, and from where."""

from __future__ import annotations

import time
from pathlib import Path

from ops.config import FAILING_LOGINS_FILE, FailingLogin, FailingLogins, render
from ops.core.files import write_atomic
from ops.stack.stack import Stack
from ops.tasks.doctor.checks.logins import logins
from tests.ops.runs.test_task import stack_in


def refused(stack: Stack, *ages_s: float) -> None:
    """Write what the gateway would: accounts that were last refused so long ago."""
    now = time.time()
    told = [
        FailingLogin(account=f"robot{number}", client="203.0.113.7", since=now - 7200, last=now - age, times=40)
        for number, age in enumerate(ages_s)
    ]
    write_atomic((stack.root / stack.config.events).with_name(FAILING_LOGINS_FILE), render(FailingLogins(logins=tuple(told))))


def test_an_account_that_is_refused_is_named_with_its_address(tmp_path: Path) -> None:
    stack = stack_in(tmp_path)
    assert logins(stack).state == "ok"
    refused(stack, 10)
    check = logins(stack)
    assert check.state == "warning"
    assert check.detail.startswith("'robot0' was refused 40 times from 203.0.113.7 since 2")
    assert "`pulumi stack output accounts --show-secrets`" in check.remedy


def test_what_is_over_is_not_told_and_many_are_counted(tmp_path: Path) -> None:
    stack = stack_in(tmp_path)
    refused(stack, 3700)
    assert logins(stack).state == "ok"
    refused(stack, *[10] * 5)
    assert logins(stack).detail.endswith("and 2 more")
