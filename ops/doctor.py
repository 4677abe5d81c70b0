"""Looks after the registry as its users do: signs in, pushes a canary, pulls it as anybody, and compares.

    python3 -m ops.doctor --root DIR --url https://registry.example.com --post-deploy

The canary's content is new on each day (UTC), and for `--post-deploy` on each run. A constant one would never be stored
again, so that a registry which cannot store what is new would go unnoticed; one that is new every hour would leave as much
for the garbage collector. Each run deletes the canary before it, so that its blobs are in the way of no collection.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from ops.canary import REPOSITORY, make_canary
from ops.canary_check import FAILED, CanaryCheck, Findings
from ops.config import Action, ConfigError, GatewayConfig, load, read
from ops.registry_client import Login, RegistryClient
from ops.registry_endpoint import Endpoint

SCHEMA = 1
_DAILY_TAG, _DEPLOYED_TAG = "doctor", "deployed"
# A server's first certificate takes a minute or two; services that a restart of the machine brings up take less than one.
_DEPLOYED_PATIENCE_S, _PATIENCE_S = 180.0, 60.0


def _resolve(text: str) -> tuple[str, str]:
    host, _, address = text.partition(":")
    if not host or not address:
        raise argparse.ArgumentTypeError(f"{text!r} should be HOST:ADDRESS")
    return host.lower(), address


def _url(text: str) -> str:
    try:
        url = urlsplit(text)
        sound = url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:
        sound = False
    if not sound or url.username is not None or url.path.strip("/") or url.query or url.fragment:
        raise argparse.ArgumentTypeError("should be https://HOST[:PORT]; the account is read from the secrets folder")
    return f"{url.scheme}://{url.netloc}"


def _allowed(root: Path) -> frozenset[Action]:
    """Return what anybody may do with the canary's repository, as the gateway's configuration of the current release says."""
    anonymous = load(root / "current" / "gateway" / "gateway.json", GatewayConfig).anonymous
    return frozenset(action for access in anonymous if access.covers(REPOSITORY) for action in access.actions)


def _print(findings: Findings) -> None:
    for check in findings.checks:
        # What failed goes where it is seen in the program's log too.
        stream = sys.stderr if check.state == FAILED else sys.stdout
        stream.write(f"{check.state:8}{check.name}: {check.detail}\n")
        if check.remedy:
            stream.write(f"{'':8}remedy: {check.remedy}\n")
        stream.flush()  # in this order, wherever both go


def _tell(reason: str) -> None:
    sys.stderr.write(f"ops.doctor: waiting: {reason}\n")
    sys.stderr.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Examine the registry; return the exit code: docs/schedule.md says what each means."""
    parser = argparse.ArgumentParser(prog="ops.doctor", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="the stack's folder on this host")
    parser.add_argument("--url", type=_url, required=True, help="where clients reach the registry; http only on this machine")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="the authority of its certificate, when it is an own one")
    parser.add_argument(
        "--resolve", type=_resolve, action="append", default=[], metavar="HOST:ADDRESS", help="do not look this name up"
    )
    parser.add_argument("--post-deploy", action="store_true", help="after `up`: new content, and more patience")
    parser.add_argument("--patience", type=float, metavar="SECONDS", help="how long to wait for a registry that is away")
    parser.add_argument("--json", action="store_true", help="print findings as JSON")
    given = parser.parse_args(arguments)
    patience = given.patience if given.patience is not None else _DEPLOYED_PATIENCE_S if given.post_deploy else _PATIENCE_S
    until = time.monotonic() + patience
    seed = secrets.token_hex() if given.post_deploy else datetime.now(UTC).date().isoformat()
    try:
        login = Login(*(read(given.root / "secrets" / name) for name in ("registry_user", "registry_pass")))
        anonymous = _allowed(given.root)
    except ConfigError as error:
        sys.stderr.write(f"ops.doctor: {error}\n")
        return error.exit_code
    endpoint = Endpoint(given.url, given.ca, dict(given.resolve))
    findings = CanaryCheck(
        RegistryClient(endpoint, login, until=until, tell=_tell),
        RegistryClient(endpoint, until=until, tell=_tell),
        canary=make_canary(seed),
        tag=_DEPLOYED_TAG if given.post_deploy else _DAILY_TAG,
        anonymous=anonymous,
    ).examine()
    if given.json:
        document = {
            "schema": SCHEMA,
            "url": given.url,
            "exit_code": findings.exit_code,
            "checks": [asdict(check) for check in findings.checks],
        }
        sys.stdout.write(json.dumps(document) + "\n")
    else:
        _print(findings)
    return findings.exit_code


if __name__ == "__main__":
    sys.exit(main())
