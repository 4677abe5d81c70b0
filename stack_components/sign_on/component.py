"""The component of oauth2-proxy."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
from pydantic import SecretStr

from infra.plan import Plan
from infra.release import Part
from infra.secrets import Secrets
from infra.settings import Settings
from ops.config import SESSION_COOKIE
from stack_components.context import Context
from stack_components.service import Healthcheck, Service, ServiceArgs
from stack_components.sign_on.config import OAuth2ProxyConfig, Provider, cookie_key, emails_file, render
from stack_components.spec import ComponentSpec

NAME = "oauth2-proxy"
PORT = 4180
# The proof shows the gateway that it is the edge that says who is signed on. Both read it from this file.
PROOF, PROOF_FILE = "sign-on/proof", "/run/secrets/sign-on-proof"
_PART, _EMAILS = "sign-on", "emails"
_CONFIG, _CONFIG_FILE = "sign-on/oauth2-proxy.cfg", "/run/secrets/oauth2-proxy.cfg"


def cookie_name(settings: Settings) -> str:
    """Return the name of the session cookie. Browsers accept `__Host-` only with TLS, and only from this exact host.

    https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes
    """
    return f"__Host-{SESSION_COOKIE}" if settings.public_url.startswith("https:") else SESSION_COOKIE


def provider(plan: Plan) -> Provider | None:
    """Return how the edge finds out who is signed on; None without an identity provider."""
    if not plan.runs(NAME):
        return None
    return Provider(f"{NAME}:{PORT}", cookie_name(plan.settings), PROOF_FILE)


def config(settings: Settings, *, client_id: str, client_secret: str, cookie_secret: str) -> OAuth2ProxyConfig:
    """Return the configuration of oauth2-proxy for a stack with an identity provider."""
    address = settings.public_url
    return OAuth2ProxyConfig(
        # On the network with the edge, and on no other that it is on.
        http_address=f"{NAME}.sign-on:{PORT}",
        oidc_issuer_url=settings.sign_on.issuer or "",
        client_id=SecretStr(client_id),
        client_secret=SecretStr(client_secret),
        redirect_url=f"{address}/oauth2/callback",
        authenticated_emails_file=f"/etc/oauth2-proxy/{_EMAILS}",
        cookie_name=cookie_name(settings),
        cookie_secret=SecretStr(cookie_key(cookie_secret)),
        cookie_secure=address.startswith("https:"),
    )


def parts(plan: Plan) -> list[Part]:
    """Return the configuration, as parts of the release."""
    return [Part.of_text(_PART, {_EMAILS: emails_file(plan.settings.sign_on.emails)})]


def secret_files(plan: Plan, secrets: Secrets) -> Mapping[str, pulumi.Output[str]]:
    """Return the secret files that this component reads. Its configuration is one, because it holds the client id."""
    given = pulumi.Output.all(
        client_id=secrets["oidc_client_id"],
        client_secret=secrets["oidc_client_secret"],
        cookie_secret=secrets["oauth2_cookie_secret"],
    )
    return {_CONFIG: given.apply(lambda values: render(config(plan.settings, **values))), PROOF: secrets["sign_on_token"]}


class OAuth2Proxy(pulumi.ComponentResource):
    """oauth2-proxy: signs browsers on at the identity provider, and tells the edge who is signed on."""

    def __init__(self, context: Context, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:sign-on:OAuth2Proxy", NAME, {}, opts)
        command = ["--config", _CONFIG_FILE]
        args = ServiceArgs(
            command=command,
            # The image has no HTTP client. oauth2-proxy exits if it cannot reach the provider or cannot listen, so it is enough
            # to check that the program starts and can read its configuration and files.
            healthcheck=Healthcheck([NAME, *command, "--config-test"], interval="10s"),
            parts={_PART: "/etc/oauth2-proxy"},
            secrets={_CONFIG: _CONFIG_FILE},
            alongside=True,  # sessions are in cookies
        )
        self.service = Service(NAME, args, context, pulumi.ResourceOptions(parent=self))
        self.register_outputs({})


SPEC = ComponentSpec(services=(NAME,), start=OAuth2Proxy, parts=parts, secret_files=secret_files)
