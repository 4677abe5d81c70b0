"""Checks the registry as its users see it: signs in, pushes a canary, pulls it anonymously, and compares.

The canary is new each day (UTC), and after a deployment on each run. A constant one would never be stored again, so a registry
that cannot store anything new would go unnoticed; a new one every hour would leave garbage every hour. Each run deletes the
previous canary, so that its blobs can be collected.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime

from ops.config import RIGHTS_FILE, Action, Rights, load
from ops.core.findings import Check
from ops.registry.canary import REPOSITORY, make_canary
from ops.registry.client import RegistryClient
from ops.registry.transport import Endpoint
from ops.stack.crowdsec import SERVICE
from ops.stack.registry import operator_login
from ops.stack.stack import Stack
from ops.tasks.doctor.checks.alerts import alerts
from ops.tasks.doctor.checks.backups import backups
from ops.tasks.doctor.checks.bans import bans
from ops.tasks.doctor.checks.canary import CanaryCheck
from ops.tasks.doctor.checks.certificate import certificate
from ops.tasks.doctor.checks.containers import service_checks
from ops.tasks.doctor.checks.host import clock, disk, files, read_only_mode
from ops.tasks.doctor.checks.logins import logins
from ops.tasks.doctor.checks.mirror import mirror
from ops.tasks.doctor.checks.proxies import proxies
from ops.tasks.doctor.checks.tags import tags
from ops.tasks.doctor.checks.tasks import tasks

DAILY_TAG, _DEPLOYED_TAG = "doctor", "deployed"
# A server's first certificate takes a minute or two; services take less than a minute to start after a reboot.
DEPLOYED_PATIENCE_S, PATIENCE_S = 180.0, 60.0


def check_host(stack: Stack, endpoint: Endpoint) -> list[Check]:
    """Check what the registry depends on: the host, the containers, the tasks, the certificate.

    Args:
        stack: The stack on this host.
        endpoint: How clients reach its registry.
    """
    protected = [bans(stack)] if SERVICE in stack.config.services else []
    return [
        *(disk(stack), read_only_mode(stack), clock(), files(stack)),
        *service_checks(stack),
        tags(stack),
        *tasks(stack),
        *backups(stack),
        *mirror(stack),
        logins(stack),
        *alerts(stack),
        *protected,
        *proxies(stack),
        certificate(endpoint, stack.config.stack),
    ]


def check_registry(
    stack: Stack, endpoint: Endpoint, *, new: bool, patience_s: float, tell: Callable[[str], None] = lambda _: None
) -> list[Check]:
    """Check the registry as its users see it.

    Args:
        stack: Accounts and rules are read from it.
        endpoint: How clients reach the registry.
        new: Whether to make a new canary, as after a deployment.
        patience_s: How long to wait for a registry that is not ready.
        tell: Called once for each reason to wait.

    Raises:
        ConfigError: The stack's account or rules cannot be read.
    """
    login = operator_login(stack)
    anonymous = _anonymous_actions(stack)
    until = time.monotonic() + patience_s
    return CanaryCheck(
        RegistryClient(endpoint, login, until=until, tell=tell),
        RegistryClient(endpoint, until=until, tell=tell),
        canary=make_canary(secrets.token_hex() if new else datetime.now(UTC).date().isoformat()),
        tag=_DEPLOYED_TAG if new else DAILY_TAG,
        anonymous=anonymous,
        stack=stack.config.stack,
    ).run()


def _anonymous_actions(stack: Stack) -> frozenset[Action]:
    """Return what anonymous clients may do with the canary's repository, by the rights that the gateway has taken in."""
    anonymous = load(stack.root / RIGHTS_FILE, Rights).anonymous
    return frozenset(action for access in anonymous if access.covers(REPOSITORY) for action in access.actions)
