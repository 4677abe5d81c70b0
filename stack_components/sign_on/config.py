"""The configuration of oauth2-proxy as a typed model: what it does not name keeps its default, and unknown keys it refuses.

Keys and their meaning: https://oauth2-proxy.github.io/oauth2-proxy/configuration/overview (7.15). Durations as Go writes them.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import SecretStr

from ops.config import Strict


@dataclass(frozen=True)
class Provider:
    """What the edge needs to know of sign-on at an identity provider.

    Attributes:
        proxy: oauth2-proxy as host:port.
        cookie: Name of its cookie.
        proof_file: The secret by which the gateway knows that it is the edge who says whose browser asks.
    """

    proxy: str
    cookie: str
    proof_file: str


class OAuth2ProxyConfig(Strict):
    """What oauth2-proxy is told. `emails` is a file with the addresses of those who may sign on."""

    http_address: str
    provider: Literal["oidc"] = "oidc"
    provider_display_name: str = "the identity provider"
    oidc_issuer_url: str
    client_id: SecretStr
    client_secret: SecretStr
    redirect_url: str
    scope: str = "openid email"
    code_challenge_method: Literal["S256"] = "S256"  # a stolen code is worth nothing: RFC 7636
    insecure_oidc_skip_nonce: bool = False  # its default is true
    authenticated_emails_file: str
    cookie_name: str
    cookie_secret: SecretStr
    cookie_secure: bool
    cookie_samesite: Literal["lax"] = "lax"
    # Nobody asks the provider again meanwhile. Who is taken off the list of addresses is out at once all the same.
    cookie_expire: str = "12h0m0s"
    session_cookie_minimal: bool = True  # without the provider's tokens, which nobody here needs
    set_xauthrequest: bool = True
    # Where a browser goes back to is in its own request, as a path. What others claim about host and scheme is not believed; only
    # the client's address is, which the edge alone can set, and only for the log.
    reverse_proxy: bool = True
    trusted_proxy_ips: tuple[str, ...] = ("127.0.0.1",)
    request_logging: bool = False  # the edge has an access log, and here the provider's code would be in it
    # With a button to press, a page's own requests do not begin to sign on, one spoiling the other.
    skip_provider_button: bool = False
    banner: str = "These pages are for the operators of this registry."
    footer: str = "-"
    custom_sign_in_logo: str = "-"


def render(config: OAuth2ProxyConfig) -> str:
    """Return the configuration file (TOML)."""
    values = {key: value.get_secret_value() if isinstance(value, SecretStr) else value for key, value in config}
    # Text, truth values and lists are written in TOML as in JSON.
    return "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items())


def cookie_key(secret: str) -> str:
    """Return the key that cookies are encrypted with, 32 bytes in base64, whatever the secret's length."""
    return base64.urlsafe_b64encode(hashlib.sha256(secret.encode()).digest()).decode()


def emails_file(emails: Sequence[str]) -> str:
    """Return the file with the addresses of those who may sign on."""
    return "".join(f"{email}\n" for email in emails)
