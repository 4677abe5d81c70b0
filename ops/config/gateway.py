"""The gateway's configuration, and the headers between edge and gateway."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from ops.config.base import Port, Strict
from ops.config.read_only import READ_ONLY_FILE, READ_ONLY_MOUNT

# Where tokens are issued, under the registry's own name.
TOKEN_PATH = "/auth/token"  # noqa: S105  # a path
# Headers between edge and gateway, which nobody else may send: who is signed on, proof that the edge says so, a cookie to set.
USER_HEADER = "X-Auth-Request-User"
EMAIL_HEADER = "X-Auth-Request-Email"
PROOF_HEADER = "X-Sign-On-Proof"
SET_COOKIE_HEADER = "X-Sign-On-Set-Cookie"
# The cookie of a browser that is signed on. With TLS, its name begins with `__Host-`.
SESSION_COOKIE = "sign-on"
# Where the edge asks before it lets a write through in read-only mode.
HELD_WRITES_PATH = "/read-only/wait"
# Who may do what, below the stack's folder: in the copy that the gateway has taken in.
RIGHTS_FILE = "secrets/live/gateway/current/rights.json"
# What the gateway logs when it has read that file again, and when something is wrong with it.
RIGHTS_TAKEN_IN = "rights taken in"
RIGHTS_REFUSED = "rights refused; the former ones stay in force"
# Which accounts fail from where, beside the database of events.
FAILING_LOGINS_FILE = "failing-logins.json"
# Alerts that wait for their messages, and when the last sign of life came, beside it too.
ALERTS_FOLDER = "alerts"
HEARTBEAT_FILE = "watchdog.json"
# Where Alertmanager sends them.
ALERTS_PATH = "/alerts"
# The alert that always fires: that it arrives shows that all others would.
WATCHDOG = "Watchdog"
# Of those that Alertmanager sends together, how many it tells one by one; and how many such files wait at most.
MOST_ALERTS = 50
MOST_ALERT_FILES = 500
_OVER_S = 3600.0


class FailureLimits(Strict):
    """How many failed logins are allowed in a moving window of `window_s` seconds.

    Both limits are per client address: nobody can lock out somebody elsewhere by guessing. Nor does a program that keeps an old
    password lock out others behind its address: a password that has failed counts once, however often it is sent again.

    Attributes:
        per_client: Wrong passwords from one client address, at any account. Accounts without any may be tried until it is twice
            as many.
        per_account: Wrong passwords from one client address at one account; and how often the same wrong one may be sent.
        window_s: Length of the window, in seconds.
    """

    per_client: Annotated[int, Field(ge=1, le=1000)] = 30
    per_account: Annotated[int, Field(ge=1, le=1000)] = 10
    window_s: Annotated[int, Field(ge=1, le=86_400)] = 300


class SignOn(Strict):
    """Browsers that are signed on at the identity provider: the edge tells whose they are, and proves that it is the edge.

    Attributes:
        proof_file: A secret that only the edge has.
    """

    proof_file: Path


class AlertsListener(Strict):
    """Where Alertmanager sends alerts, on an address of its own: elsewhere it could claim to be any client.

    Attributes:
        host: Address to listen on.
        port: Port to listen on.
        token_file: The secret that Alertmanager sends along; during a rotation also another one, on a line of its own.
    """

    host: str
    port: Port
    token_file: Path


class FailingLogin(Strict):
    """An account that is refused again and again from one address.

    Attributes:
        account: Its name as the client gives it; there may be no such account.
        client: The client's address, or its IPv6 network.
        since: When it began, in seconds since the epoch.
        last: When it was last refused.
        times: How often it was refused.
    """

    account: str
    client: str
    since: float
    last: float
    times: int

    def is_over(self, now: float) -> bool:
        """Whether nothing has come for so long that it is over."""
        return now - self.last > _OVER_S


class FailingLogins(Strict):
    """The file in which the gateway says which accounts fail from where, the worst first."""

    logins: tuple[FailingLogin, ...] = ()

    def at(self, now: float) -> tuple[FailingLogin, ...]:
        """Return those that are not over at a time, in seconds since the epoch."""
        return tuple(one for one in self.logins if not one.is_over(now))


class GatewayConfig(Strict):
    """The configuration of `python3 -m ops.gateway`.

    Attributes:
        listen_host: Address to listen on.
        listen_port: Port to listen on.
        issuer: `iss` of the tokens; the registry's `auth.token.issuer`.
        service: `aud` of the tokens; the registry's `auth.token.service`.
        token_lifetime_s: How many seconds a token is valid for. The token specification requires at least 60.
        signing_key_file: The private key, PEM (`ops.credentials.keys.signing_key_from_seed`).
        rights_file: A `Rights` file. This and the next one are read again when the gateway is told to.
        webhook_token_file: The secret that the edge adds to the registry's webhook; during a rotation also another one, on a
            line of its own.
        events_db: The SQLite database of events; its folder must be writable.
        events_kept_days: For how many days an event is kept; readers have to read it within that time.
        failures: How many failed logins are allowed.
        sign_on: None without an identity provider.
        read_only_file: The file that turns on read-only mode.
        alerts: Where Alertmanager sends alerts; None without it. Its token is read again like the one above.
        metrics_host: Address on which `/metrics` is served, if any. Only Prometheus should be able to reach it.
        metrics_port: The port there.
    """

    listen_host: str = "0.0.0.0"  # noqa: S104  # in a container; only the edge publishes ports
    listen_port: Port = 8080
    issuer: Annotated[str, Field(min_length=1)]
    service: Annotated[str, Field(min_length=1)]
    token_lifetime_s: Annotated[int, Field(ge=60, le=3600)] = 300
    signing_key_file: Path
    rights_file: Path
    webhook_token_file: Path
    events_db: Path
    events_kept_days: Annotated[int, Field(ge=1, le=3650)] = 90
    failures: FailureLimits = FailureLimits()
    sign_on: SignOn | None = None
    read_only_file: Path = Path(READ_ONLY_MOUNT, READ_ONLY_FILE)
    alerts: AlertsListener | None = None
    metrics_host: str | None = None
    metrics_port: Port = 8081
