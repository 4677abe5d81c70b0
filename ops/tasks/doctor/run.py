"""Looks after the registry as its users do: signs in, pushes a canary, pulls it as anybody, and compares.

The canary's content is new on each day (UTC), and after a deployment on each run. A constant one would never be stored
again, so that a registry which cannot store what is new would go unnoticed; one that is new every hour would leave as much
for the garbage collector. Each run deletes the canary before it, so that its blobs are in the way of no collection.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime

from ops.config import Action, GatewayConfig, load
from ops.core.findings import Check
from ops.registry.canary import REPOSITORY, make_canary
from ops.registry.client import Login, RegistryClient
from ops.registry.transport import Endpoint
from ops.stack.crowdsec import SERVICE
from ops.stack.stack import Stack
from ops.tasks.doctor.checks.bans import bans
from ops.tasks.doctor.checks.canary import CanaryCheck
from ops.tasks.doctor.checks.certificate import certificate
from ops.tasks.doctor.checks.containers import service_checks
from ops.tasks.doctor.checks.host import clock, disk, files, read_only_mode

DAILY_TAG, _DEPLOYED_TAG = "doctor", "deployed"
# A server's first certificate takes a minute or two; services that a restart of the machine brings up take less than one.
DEPLOYED_PATIENCE_S, PATIENCE_S = 180.0, 60.0


def look_around(stack: Stack, endpoint: Endpoint) -> list[Check]:
    """Examine what the registry stands on: the host, the containers, the certificate.

    Args:
        stack: On this host.
        endpoint: How clients reach its registry.
    """
    protected = [bans(stack)] if SERVICE in stack.config.services else []
    return [disk(stack), read_only_mode(stack), clock(), files(stack), *service_checks(stack), *protected, certificate(endpoint)]


def examine(
    stack: Stack, endpoint: Endpoint, *, new: bool, patience_s: float, tell: Callable[[str], None] = lambda _: None
) -> list[Check]:
    """Examine the registry as its users see it.

    Args:
        stack: Its accounts and rules are read here.
        endpoint: How clients reach it.
        new: Whether the canary is a new one, as after a deployment.
        patience_s: How long to wait for a registry that is away.
        tell: Called once with each reason for which it waits.

    Raises:
        ConfigError: The stack's account or rules cannot be read.
    """
    login = Login(*(stack.secret(name) for name in ("registry_user", "registry_pass")))
    anonymous = _allowed(stack)
    until = time.monotonic() + patience_s
    return CanaryCheck(
        RegistryClient(endpoint, login, until=until, tell=tell),
        RegistryClient(endpoint, until=until, tell=tell),
        canary=make_canary(secrets.token_hex() if new else datetime.now(UTC).date().isoformat()),
        tag=_DEPLOYED_TAG if new else DAILY_TAG,
        anonymous=anonymous,
    ).examine()


def _allowed(stack: Stack) -> frozenset[Action]:
    """Return what anybody may do with the canary's repository, as the gateway's configuration of the current release says."""
    anonymous = load(stack.current / "gateway" / "gateway.json", GatewayConfig).anonymous
    return frozenset(action for access in anonymous if access.covers(REPOSITORY) for action in access.actions)
