"""What the gateway reads, and what edge and gateway tell each other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from ops.config.access import Access, Person
from ops.config.base import Port, Strict

# What edge and gateway tell each other, and nobody else may: who is signed on, proof that the edge says so, and a cookie to set.
USER_HEADER = "X-Auth-Request-User"
EMAIL_HEADER = "X-Auth-Request-Email"
PROOF_HEADER = "X-Sign-On-Proof"
SET_COOKIE_HEADER = "X-Sign-On-Set-Cookie"
# The cookie of who is signed on; by TLS its name begins with `__Host-`.
SESSION_COOKIE = "sign-on"


class FailureLimits(Strict):
    """How many failed logins are allowed in a moving window of `window_s` seconds.

    Both limits are about one client address: nobody can lock an account for others by guessing at it.

    Attributes:
        per_client: Failures of one client address, whatever the account.
        per_account: Failures of one client address at one account.
        window_s: Length of the window in seconds.
    """

    per_client: Annotated[int, Field(ge=1, le=1000)] = 30
    per_account: Annotated[int, Field(ge=1, le=1000)] = 10
    window_s: Annotated[int, Field(ge=1, le=86_400)] = 300


class SignOn(Strict):
    """Browsers that are signed on at the identity provider: the edge says whose they are, and proves that it is the edge.

    Attributes:
        proof_file: The secret that only the edge has.
        people: Who may do what; `name` is the e-mail address in lower case. Others are anybody.
    """

    proof_file: Path
    people: tuple[Person, ...]


class GatewayConfig(Strict):
    """What `python3 -m ops.gateway` reads.

    Attributes:
        listen_host: Address to listen on.
        listen_port: Port to listen on.
        issuer: `iss` of the tokens; the registry's `auth.token.issuer`.
        service: `aud` of the tokens; the registry's `auth.token.service`.
        token_lifetime_s: Seconds that a token is good for. The token specification demands at least 60.
        signing_key_file: The private key, PEM (`ops.credentials.keys.signing_key_from_seed`).
        accounts_file: An `Accounts` file.
        webhook_token_file: The secret the registry sends with its events.
        events_db: The SQLite database of events; its folder must be writable.
        events_kept_days: How long an event stays there; who reads them has to come within that time.
        failures: When failed logins are too many.
        anonymous: What clients may do without signing in; accounts may do it too.
        sign_on: None without an identity provider.
        metrics_host: Address on which `/metrics` is served, which should be one that Prometheus alone reaches; None for nowhere.
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
    metrics_host: str | None = None
    metrics_port: Port = 8081
