"""Starts the gateway: `python3 -m ops.gateway --config FILE`."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ops.config import FAILING_LOGINS_FILE, ConfigError, GatewayConfig, load, read
from ops.core import logs
from ops.credentials.keys import load_signing_key
from ops.events.alert_inbox import AlertInbox
from ops.events.store import EventStore, StoreError
from ops.gateway import server
from ops.gateway.alerts import Alerts, ByPort
from ops.gateway.app import Gateway
from ops.gateway.failing import Failing
from ops.gateway.login import Login
from ops.gateway.metrics import Metrics, served_if_possible
from ops.gateway.rights import LiveRights, tokens_of
from ops.gateway.sign_on import SignedOn
from ops.gateway.throttle import Throttle
from ops.gateway.tokens import TokenIssuer

_EXAMPLE = """\
example:
  python3 -m ops.gateway --config /etc/gateway/config.json

config.json:
  {
    "issuer": "registry-gateway",
    "service": "registry.example.com",
    "signing_key_file": "/run/secrets/signing_key",
    "rights_file": "/run/secrets/live/current/rights.json",
    "webhook_token_file": "/run/secrets/live/current/events-tokens",
    "events_db": "/var/lib/gateway/events.db"
  }

All keys are described in ops/config/gateway.py. At SIGUSR1 it reads rights and tokens again; if something is wrong with them,
the former ones stay in force. Exit code 10 means that the configuration is invalid; every problem is listed.
"""

_log = logging.getLogger("ops.gateway")

T = TypeVar("T")


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python3 -m ops.gateway",
        description="Issue the registry's tokens, and receive its events and Alertmanager's alerts.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", metavar="FILE", type=Path, required=True, help="the GatewayConfig file (JSON)")
    parser.add_argument("--debug", action="store_true", help="also log each token issued")
    options = parser.parse_args(arguments)
    logs.configure(logging.DEBUG if options.debug else logging.INFO)
    try:
        config = load(options.config, GatewayConfig)
        gateway = assemble(config)
    except ConfigError as error:
        _log.error("the configuration is invalid", extra={"problems": error.problems})
        print(error, file=sys.stderr)  # noqa: T201  # for people who start it by hand
        return ConfigError.exit_code
    try:
        listener = server.listen(config.listen_host, config.listen_port)
    except OSError as error:
        _log.error(f"cannot listen on {config.listen_host}:{config.listen_port}: {error.strerror or error}")
        return 1
    others = {}
    listeners = [listener]
    if config.alerts is not None and gateway.alerts is not None:
        try:
            listeners.append(server.listen(config.alerts.host, config.alerts.port))
            others[config.alerts.port] = gateway.alerts.app()
        except OSError as error:
            # Not fatal: pulls need tokens. That alerts do not arrive is told by `regops notify`.
            where = f"{config.alerts.host}:{config.alerts.port}"
            _log.error(f"cannot take alerts on {where}: {error.strerror or error}; everything else is served")
    with served_if_possible(gateway.metrics.registry, config.metrics_host, config.metrics_port):
        server.serve(ByPort(gateway.app(), others), *listeners)
    return 0


def assemble(config: GatewayConfig) -> Gateway:
    """Read the files that a configuration names and put the gateway together.

    Raises:
        ConfigError: With the problems of all files.
    """
    problems: list[str] = []

    def part(make: Callable[[Path], T], path: Path) -> T | None:
        try:
            return make(path)
        except ConfigError as error:
            problems.extend(error.problems)
        except ValueError as error:
            problems.append(f"{path}: {error}")
        return None

    key = part(lambda path: load_signing_key(read(path)), config.signing_key_file)
    alert_tokens = config.alerts.token_file if config.alerts else None
    rights = part(lambda path: LiveRights(path, config.webhook_token_file, alert_tokens), config.rights_file)
    proofs = part(tokens_of, config.sign_on.proof_file) if config.sign_on else ()
    if key is None or rights is None or proofs is None:
        raise ConfigError(problems)
    events, metrics = EventStore(config.events_db, kept_days=config.events_kept_days), Metrics()
    inbox = AlertInbox(config.events_db.parent)
    try:
        events.check()
        if last := events.last_received():
            metrics.last_event.set(last.timestamp())
    except StoreError as error:
        # Not fatal: pulls need tokens, and so do the deletes that free space.
        _log.error("events cannot be stored; tokens are served all the same", extra={"reason": str(error)})
    return Gateway(
        metrics=metrics,
        tokens=TokenIssuer(key, config.issuer, config.service, config.token_lifetime_s),
        rights=rights,
        login=Login(lambda: rights.accounts, Throttle(config.failures)),
        failing=Failing(config.events_db.parent / FAILING_LOGINS_FILE, config.failures.per_account),
        events=events,
        read_only_file=config.read_only_file,
        alerts=Alerts(inbox, rights.is_alert_token, metrics) if config.alerts else None,
        sign_on=SignedOn(proofs[0], lambda: rights.people) if proofs else None,
    )


if __name__ == "__main__":
    sys.exit(main())
