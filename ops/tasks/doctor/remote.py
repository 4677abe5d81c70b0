"""Checks a registry from any machine, as its users see it, given only its name: `regops doctor NAME`."""

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
from ops.registry.transport import DowngradeError, Endpoint, InsecureError, MismatchError, RegistryBusyError
from ops.tasks.doctor.checks import reachability
from ops.tasks.doctor.checks.canary import BEHIND_PROXY, CLOSED, THROTTLED, CanaryCheck, pull_and_verify, token_service
from ops.tasks.doctor.checks.certificate import certificate
from ops.tasks.doctor.checks.reachability import ON_SERVER
from ops.tasks.doctor.checks.steps import Skipped, Step, not_tried, run_steps
from ops.tasks.doctor.run import DAILY_TAG

# Remedies from here, without access to containers and logs: by step, and by exit code for errors of any step.
_REMEDIES: Mapping[str | int, str] = {
    InsecureError.exit_code: "use the https address that the registry's clients use",
    MismatchError.exit_code: f"it was changed on the way or in the registry; {ON_SERVER}",
    RegistryBusyError.exit_code: "try again in a few minutes: it is in read-only mode, or too many log in at once",
    "answers": f"is that the name of a registry? {ON_SERVER}",
    "login": "check name and password",
    "push": f"the account needs `pull` and `push` for {REPOSITORY}; if it has them, {ON_SERVER}",
}


def check_remote(
    endpoint: Endpoint, login: Login | None, *, patience_s: float, tell: Callable[[str], None] = lambda _: None
) -> Sequence[Check]:
    """Check a registry from this machine.

    Args:
        endpoint: Where it is.
        login: The account that pushes a canary; None to push nothing.
        patience_s: How long to wait for a registry that is not ready.
        tell: Called once for each reason to wait.
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
        steps: list[Step] = [("answers", lambda: token_service(anybody), ""), ("pull", lambda: _pull(anybody), "")]
        seen = run_steps(steps, lambda error: BEHIND_PROXY if isinstance(error, DowngradeError) else ON_SERVER)
    else:
        seen = _canary(RegistryClient(endpoint, login, until=until, tell=tell), anybody, login.name).run()
    return [*found, *(_from_here(check) for check in seen)]


def _canary(account: RegistryClient, anybody: RegistryClient, name: str) -> CanaryCheck:
    # By account, so that two people do not mistake each other's canary for a damaged one; by day, so that few remain.
    seed = f"{datetime.now(UTC).date().isoformat()} {name}"
    tag = f"client-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
    return CanaryCheck(account, anybody, canary=make_canary(seed), tag=tag, anonymous=None, who=name)


def _pull(anybody: RegistryClient) -> str:
    status = anybody.manifest(REPOSITORY, DAILY_TAG).status
    if status in CLOSED:
        raise Skipped(f"anonymous clients may not pull {REPOSITORY}; `--user NAME` tries it with an account")
    if status == HTTPStatus.NOT_FOUND:
        raise Skipped(f"there is no {REPOSITORY}:{DAILY_TAG} yet; `regops doctor` on the server pushes it")
    return f"anyone can pull {REPOSITORY}:{DAILY_TAG}, and it matches its digests: {pull_and_verify(anybody, DAILY_TAG)}"


def _from_here(check: Check) -> Check:
    if check.state != FAILED or check.remedy in {BEHIND_PROXY, THROTTLED}:
        return check
    return replace(check, remedy=_REMEDIES.get(check.exit_code) or _REMEDIES.get(check.name) or ON_SERVER)
