"""Which accounts fail to sign in from where, as the gateway says."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress

from ops.config import FAILING_LOGINS_FILE, ConfigError, FailingLogin, FailingLogins, load
from ops.stack.stack import Stack


def failing_logins(stack: Stack, now: float | None = None) -> Sequence[FailingLogin]:
    """Return the accounts that are refused again and again, the worst first; none if the gateway has not said.

    Args:
        stack: Whose gateway.
        now: The time in seconds since the epoch; the present one if not given.
    """
    with suppress(ConfigError):
        said = load((stack.root / stack.config.events).with_name(FAILING_LOGINS_FILE), FailingLogins)
        return said.at(time.time() if now is None else now)
    return ()
