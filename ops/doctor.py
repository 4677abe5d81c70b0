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

from ops.canary import REPOSITORY, make_canary
from ops.canary_check import CanaryCheck, Findings
from ops.config import Action, GatewayConfig, load
from ops.registry_client import Login, RegistryClient
from ops.registry_endpoint import Endpoint
from ops.stack import Stack

_DAILY_TAG, _DEPLOYED_TAG = "doctor", "deployed"
# A server's first certificate takes a minute or two; services that a restart of the machine brings up take less than one.
DEPLOYED_PATIENCE_S, PATIENCE_S = 180.0, 60.0


def examine(
    stack: Stack, endpoint: Endpoint, *, post_deploy: bool, patience_s: float, tell: Callable[[str], None] = lambda _: None
) -> Findings:
    """Examine the registry of a stack.

    Args:
        stack: Its accounts and rules are read here.
        endpoint: How its clients reach it.
        post_deploy: Whether it was just deployed: the canary's content is then new.
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
        canary=make_canary(secrets.token_hex() if post_deploy else datetime.now(UTC).date().isoformat()),
        tag=_DEPLOYED_TAG if post_deploy else _DAILY_TAG,
        anonymous=anonymous,
    ).examine()


def _allowed(stack: Stack) -> frozenset[Action]:
    """Return what anybody may do with the canary's repository, as the gateway's configuration of the current release says."""
    anonymous = load(stack.current / "gateway" / "gateway.json", GatewayConfig).anonymous
    return frozenset(action for access in anonymous if access.covers(REPOSITORY) for action in access.actions)
