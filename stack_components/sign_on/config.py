"""The configuration of oauth2-proxy as a typed model. Other options keep their defaults; oauth2-proxy refuses unknown keys.

Keys and their meaning: https://oauth2-proxy.github.io/oauth2-proxy/configuration/overview (7.15). Durations are in Go's format.
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
    """What the edge needs to know about sign-on at an identity provider.

    Attributes:
        proxy: oauth2-proxy as host:port.
        cookie: Name of its cookie.
        proof_file: File of the secret that shows the gateway that it is the edge that says who is signed on.
    """

    proxy: str
    cookie: str
    proof_file: str


class OAuth2ProxyConfig(Strict):
    """The configuration. `authenticated_emails_file` has the addresses of those who may sign on."""

    http_address: str
    provider: Literal["oidc"] = "oidc"
    provider_display_name: str = "the identity provider"
    oidc_issuer_url: str
    client_id: SecretStr
    client_secret: SecretStr
    redirect_url: str
    scope: str = "openid email"
    code_challenge_method: Literal["S256"] = "S256"  # makes a stolen code worthless: RFC 7636
    insecure_oidc_skip_nonce: bool = False  # its default is true
    authenticated_emails_file: str
    cookie_name: str
    cookie_secret: SecretStr
    cookie_secure: bool
    cookie_samesite: Literal["lax"] = "lax"
    # The provider is not asked again before that. Addresses that are removed from the list are refused at once anyway.
    cookie_expire: str = "12h0m0s"
    session_cookie_minimal: bool = True  # without the provider's tokens, which are not needed
    set_xauthrequest: bool = True
    # The page to return to is a path in the browser's own request. Headers about host and scheme are not trusted. The client's
    # address is, because only the edge can set it, and only for the log.
    reverse_proxy: bool = True
    trusted_proxy_ips: tuple[str, ...] = ("127.0.0.1",)
    request_logging: bool = False  # the edge has an access log; this one would contain the provider's code
    # With a button, the many requests of one page do not each start a sign-on and break each other.
    skip_provider_button: bool = False
    banner: str = "These pages are for the operators of this registry."
    footer: str = "-"
    custom_sign_in_logo: str = "-"


def render(config: OAuth2ProxyConfig) -> str:
    """Return the configuration file (TOML)."""
    values = {key: value.get_secret_value() if isinstance(value, SecretStr) else value for key, value in config}
    # Strings, booleans and lists are the same in TOML as in JSON.
    return "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items())


def cookie_key(secret: str) -> str:
    """Return the key that cookies are encrypted with: 32 bytes in base64, whatever the secret's length."""
    return base64.urlsafe_b64encode(hashlib.sha256(secret.encode()).digest()).decode()


def emails_file(emails: Sequence[str]) -> str:
    """Return the file with the addresses of those who may sign on."""
    return "".join(f"{email}\n" for email in emails)
