"""The gateway's configuration, and the headers between edge and gateway."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from ops.config.access import Access, Person
from ops.config.base import Port, Strict
from ops.config.read_only import READ_ONLY_FILE, READ_ONLY_MOUNT

# Headers between edge and gateway, which nobody else may send: who is signed on, proof that the edge says so, a cookie to set.
USER_HEADER = "X-Auth-Request-User"
EMAIL_HEADER = "X-Auth-Request-Email"
PROOF_HEADER = "X-Sign-On-Proof"
SET_COOKIE_HEADER = "X-Sign-On-Set-Cookie"
# The cookie of a browser that is signed on. With TLS, its name begins with `__Host-`.
SESSION_COOKIE = "sign-on"
# Where the edge asks before it lets a write through in read-only mode.
HELD_WRITES_PATH = "/read-only/wait"


class FailureLimits(Strict):
    """How many failed logins are allowed in a moving window of `window_s` seconds.

    Both limits are per client address: nobody can lock somebody else out by guessing.

    Attributes:
        per_client: Failures of one client address, at any account.
        per_account: Failures of one client address at one account.
        window_s: Length of the window, in seconds.
    """

    per_client: Annotated[int, Field(ge=1, le=1000)] = 30
    per_account: Annotated[int, Field(ge=1, le=1000)] = 10
    window_s: Annotated[int, Field(ge=1, le=86_400)] = 300


class SignOn(Strict):
    """Browsers that are signed on at the identity provider: the edge tells whose they are, and proves that it is the edge.

    Attributes:
        proof_file: A secret that only the edge has.
        people: Who may do what; `name` is the e-mail address in lower case. Everybody else counts as anonymous.
    """

    proof_file: Path
    people: tuple[Person, ...]


class GatewayConfig(Strict):
    """The configuration of `python3 -m ops.gateway`.

    Attributes:
        listen_host: Address to listen on.
        listen_port: Port to listen on.
        issuer: `iss` of the tokens; the registry's `auth.token.issuer`.
        service: `aud` of the tokens; the registry's `auth.token.service`.
        token_lifetime_s: How many seconds a token is valid for. The token specification requires at least 60.
        signing_key_file: The private key, PEM (`ops.credentials.keys.signing_key_from_seed`).
        accounts_file: An `Accounts` file.
        webhook_token_file: The secret that the registry sends with its webhook.
        events_db: The SQLite database of events; its folder must be writable.
        events_kept_days: For how many days an event is kept; readers have to read it within that time.
        failures: How many failed logins are allowed.
        anonymous: What clients may do without signing in. Accounts may do it too.
        sign_on: None without an identity provider.
        read_only_file: The file that turns on read-only mode.
        metrics_host: Address on which `/metrics` is served, if any. Only Prometheus should be able to reach it.
        metrics_port: The port there.
    """

    listen_host: str = "0.0.0.0"  # noqa: S104  # in a container; only the edge publishes ports
    listen_port: Port = 8080
    issuer: Annotated[str, Field(min_length=1)]
    service: Annotated[str, Field(min_length=1)]
    token_lifetime_s: Annotated[int, Field(ge=60, le=3600)] = 300
    signing_key_file: Path
    accounts_file: Path
    webhook_token_file: Path
    events_db: Path
    events_kept_days: Annotated[int, Field(ge=1, le=3650)] = 90
    failures: FailureLimits = FailureLimits()
    anonymous: tuple[Access, ...] = ()
    sign_on: SignOn | None = None
    read_only_file: Path = Path(READ_ONLY_MOUNT, READ_ONLY_FILE)
    metrics_host: str | None = None
    metrics_port: Port = 8081
