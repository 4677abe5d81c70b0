"""Looks at a registry from anywhere, as its users see it, with nothing but its name: `regops doctor NAME`."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus

from ops.core.findings import FAILED, Check
from ops.registry.canary import REPOSITORY, make_canary
from ops.registry.client import Login, RegistryClient
from ops.registry.transport import Endpoint, InsecureError, MismatchError, RegistryBusyError
from ops.tasks.doctor.checks import reachability
from ops.tasks.doctor.checks.canary import CLOSED, CanaryCheck, pull_whole, way_to_tokens
from ops.tasks.doctor.checks.certificate import certificate
from ops.tasks.doctor.checks.reachability import ON_SERVER
from ops.tasks.doctor.checks.steps import Skipped, not_tried, take
from ops.tasks.doctor.run import DAILY_TAG

# By step, and by exit code for those that can come at any step: remedies from here, where nobody sees containers and logs.
_REMEDIES: Mapping[str | int, str] = {
    InsecureError.exit_code: "name the registry by the address that its clients have, with https",
    MismatchError.exit_code: f"something has changed it on the way, or in the registry; {ON_SERVER}",
    RegistryBusyError.exit_code: "try again in some minutes: it is in read-only mode, or too many wrong passwords were tried",
    "answers": f"is that the name of a registry? {ON_SERVER}",
    "login": "see whether name and password are right",
    "push": f"the account needs `pull` and `push` for {REPOSITORY}; if it has them, {ON_SERVER}",
}


def look(
    endpoint: Endpoint, login: Login | None, *, patience_s: float, tell: Callable[[str], None] = lambda _: None
) -> Sequence[Check]:
    """Examine a registry from this machine.

    Args:
        endpoint: Where it is.
        login: Who pushes a canary; None for looking only.
        patience_s: How long to wait for a registry that is away.
        tell: Called once with each reason for which it waits.
    """
    name = reachability.name(endpoint)
    if name.state == FAILED:
        return [name, not_tried("edge")]
    try:
        edge, answer = reachability.edge(endpoint)
    except InsecureError as error:
        return [name, Check("edge", FAILED, str(error), _REMEDIES[error.exit_code], error.exit_code)]
    if answer is None:
        return [name, edge, *map(not_tried, ("certificate", "clock", "answers"))]
    found = [name, edge, certificate(endpoint), reachability.clocks(answer, datetime.now(UTC))]
    until = time.monotonic() + patience_s
    anybody = RegistryClient(endpoint, until=until, tell=tell)
    if login is None:
        seen = take([("answers", lambda: way_to_tokens(anybody), ""), ("pull", lambda: _pull(anybody), "")], lambda _: ON_SERVER)
    else:
        seen = _canary(RegistryClient(endpoint, login, until=until, tell=tell), anybody, login.name).examine()
    return [*found, *(_from_here(check) for check in seen)]


def _canary(account: RegistryClient, anybody: RegistryClient, name: str) -> CanaryCheck:
    # By account, so that two people do not take each other's canary for a damaged one; by day, so that few are left.
    seed = f"{datetime.now(UTC).date().isoformat()} {name}"
    tag = f"client-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
    return CanaryCheck(account, anybody, canary=make_canary(seed), tag=tag, anonymous=None, who=name)


def _pull(anybody: RegistryClient) -> str:
    status = anybody.manifest(REPOSITORY, DAILY_TAG).status
    if status in CLOSED:
        raise Skipped(f"nobody pulls {REPOSITORY} without signing in; `--user NAME` tries it as somebody")
    if status == HTTPStatus.NOT_FOUND:
        raise Skipped(f"there is no {REPOSITORY}:{DAILY_TAG} yet; `regops doctor` on the server pushes it")
    return f"anybody pulls {REPOSITORY}:{DAILY_TAG}, and gets what its digests say: {pull_whole(anybody, DAILY_TAG)}"


def _from_here(check: Check) -> Check:
    if check.state != FAILED:
        return check
    return replace(check, remedy=_REMEDIES.get(check.exit_code) or _REMEDIES.get(check.name) or ON_SERVER)
