"""An edge with sign-on as in a stack: the real Caddy, gateway and oauth2-proxy, a MOCK provider, and a browser."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import KeySet

from infra.plan import Plan
from ops.config import render
from ops.core.files import write_atomic
from ops.credentials.keys import public_jwks
from stack_components.edge.component import config as edge_config
from stack_components.edge.pages import STATUS, Page
from stack_components.edge.registry_routes import Upstreams
from stack_components.edge.sign_on import SignOn
from stack_components.gateway.component import config as gateway_config
from stack_components.gateway.component import rights
from stack_components.sign_on.component import PROOF as PROOF_NAME
from stack_components.sign_on.component import PROOF_FILE, provider
from stack_components.sign_on.config import Provider
from tests.free_ports import free_port
from tests.ops.gateway.gateway_rig import SIGNING_KEY, Process, running
from tests.plans import plan_of
from tests.stack_components.edge.caddy import Ports, RunningCaddy, echo, running_caddy
from tests.stack_components.sign_on.provider import CLIENT_ID, CLIENT_SECRET, MockProvider, mock_provider
from tests.stack_components.sign_on.proxy import RunningProxy, running_proxy

ANN, BOB, EVE = "ann@example.com", "bob@example.com", "eve@example.com"
OPERATOR = ("admin", "the operator's pass:word")
PROOF = "the-proof-that-only-the-edge-has"
CONFIG_NAME = "sign-on/oauth2-proxy.cfg"
SCOPES = "repository:ci/app:pull,push,delete", "repository:public/app:pull,push", "registry:catalog:*"
ANYBODY = ("", {"public/app": ["pull"]})
EVERYTHING = {"ci/app": ["pull", "push", "delete"], "public/app": ["pull", "push"], "catalog": ["*"]}
PAGES_SHOWN = (Page("", "/grafana", ""), Page("", "/portainer", "", stripped=True), Page("", "", "", public=STATUS))
# What a client could claim; in header names a `_` stands for `-`.
CLAIMS = {
    "X_Auth_Request_User": "ann@example.com",
    "X_Auth_Request_Email": "ann@example.com",
    "X_Auth_Request_Groups": "operators",
    "X_Sign_On_Proof": PROOF,
}


@dataclass
class Stack:
    """Everything that sign-on takes.

    Attributes:
        plan: What the stack would run.
        caddy: The edge.
        gateway: The gateway.
        url: The address that browsers use.
        service: What the token service is for.
        mock: The provider; None where there is none.
        proxy: oauth2-proxy; None without a provider.
    """

    plan: Plan
    caddy: RunningCaddy
    gateway: Process
    url: str
    service: str
    mock: MockProvider | None = None
    proxy: RunningProxy | None = None
    codes: list[str] = field(default_factory=list)

    def granted(self, answer: httpx.Response) -> tuple[str, dict[str, list[str]]]:
        """Return the subject of a token response, and what it grants."""
        assert answer.status_code == 200, answer.text
        keys = KeySet.import_key_set(json.loads(public_jwks(SIGNING_KEY)))
        claims = jwt.decode(answer.json()["token"], keys, algorithms=["ES256"]).claims
        return claims["sub"], {entry["name"]: entry["actions"] for entry in claims["access"]}


class Browser:
    """Sends requests as a browser does: with cookies, and going where it is sent to."""

    def __init__(self, stack: Stack, **options: Any) -> None:
        self.stack = stack
        verify: Any = stack.caddy.trust() if stack.url.startswith("https:") else True
        self.client = httpx.Client(base_url=stack.url, verify=verify, headers={"Accept": "text/html,*/*;q=0.8"}, **options)

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Ask once. In header names a `_` stands for `-`."""
        return self.client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def follow(self, answer: httpx.Response) -> httpx.Response:
        """Go where an answer sends the browser, until it sends it nowhere."""
        while answer.is_redirect:
            target = urljoin(str(answer.url), answer.headers["Location"])
            self.stack.codes += parse_qs(urlsplit(target).query).get("code", [])
            answer = self.client.get(target)
        return answer

    def sign_on(self, path: str, email: str, **claims: Any) -> httpx.Response:
        """Open a page, press the button, and be somebody at the provider; return what is seen in the end."""
        assert self.stack.mock is not None
        self.stack.mock.claims = {"email": email, **claims}
        shown = self.follow(self.get(path))
        (action,) = re.findall(r'<form method="GET" action="([^"]+)"', shown.text)
        (target,) = re.findall(r'name="rd" value="([^"]*)"', shown.text)
        return self.follow(self.client.get(action, params={"rd": unescape(target)}))

    def token(self, *scopes: str, **headers: str) -> httpx.Response:
        """Ask for a token as the UI's script does."""
        return self.client.get(
            "/auth/token",
            params={"service": self.stack.service, "scope": list(scopes)},
            headers={"Accept": "*/*"} | {name.replace("_", "-"): value for name, value in headers.items()},
        )


def written(running: Stack, path: str) -> str:
    """The access log once a request for a path is in it."""
    give_up = time.monotonic() + 10
    while path not in running.caddy.access_log:
        assert time.monotonic() < give_up
        time.sleep(0.05)
    return running.caddy.access_log


def claimed(seen: dict[str, str]) -> dict[str, str]:
    """Those of the headers that a service saw which say who somebody is."""
    names = ("x-auth-request", "x-sign-on", "authorization")
    return {name: value for name, value in seen.items() if name.startswith(names)}


@contextlib.contextmanager
def stack(
    folder: Path,
    *,
    signs_on: bool,
    tls: bool = False,
    gateway: str | None = None,
    upstream: str | None = None,
    pages: Sequence[Page] = PAGES_SHOWN,
) -> Iterator[Stack]:
    """Run it all below a folder.

    Args:
        folder: Where files and logs are.
        signs_on: Whether there is an identity provider.
        tls: Whether the address that browsers use has TLS.
        gateway: host:port of what the edge takes for the gateway, in place of the gateway.
        upstream: host:port of what it takes for the registry and every page, in place of a STAND-IN that shows what it is asked.
        pages: What is served behind sign-on.
    """
    ports = Ports()
    with contextlib.ExitStack() as opened:
        mock = opened.enter_context(mock_provider()) if signs_on else None
        plan = plan_of(**settings(ports, mock, tls=tls))
        yield opened.enter_context(services(folder, plan, ports, mock, gateway=gateway, upstream=upstream, pages=pages))


@contextlib.contextmanager
def services(
    folder: Path,
    plan: Plan,
    ports: Ports,
    mock: MockProvider | None,
    *,
    gateway: str | None = None,
    upstream: str | None = None,
    secret_files: Mapping[str, str] | None = None,
    pages: Sequence[Page] = PAGES_SHOWN,
) -> Iterator[Stack]:
    """Run the services of a stack below a folder.

    Args:
        folder: Where files and logs are.
        plan: What runs.
        ports: Those of the edge.
        mock: The provider, if there is one.
        gateway: As for `stack`.
        upstream: As for `stack`.
        secret_files: Those that the program declares, in place of secrets of the tests.
        pages: What is served behind sign-on.
    """
    given = secret_files or {}
    proof = given.get(PROOF_NAME, PROOF)
    with contextlib.ExitStack() as opened:
        (folder / "gateway").mkdir(exist_ok=True)
        process = opened.enter_context(_gateway(plan, folder / "gateway", proof))
        proxy = opened.enter_context(running_proxy(plan.settings, folder, given.get(CONFIG_NAME, ""))) if mock else None
        write_atomic(folder / "secrets" / "sign-on-proof", proof, mode=0o600)
        upstream = upstream or opened.enter_context(echo())
        asked = gateway or process.url.removeprefix("http://")
        configuration = dataclasses.replace(
            edge_config(plan),
            upstreams=Upstreams(registry=upstream, gateway=asked),
            pages=[dataclasses.replace(page, upstream=upstream) for page in pages],
            sign_on=SignOn(asked, _provider(plan, proxy)),
        )
        caddy = opened.enter_context(running_caddy(configuration, folder, ports))
        url = caddy.tls_url if plan.settings.public_url.startswith("https:") else caddy.url
        yield Stack(plan, caddy, process, url, plan.settings.registry_host, mock, proxy)


def settings(ports: Ports, mock: MockProvider | None, *, tls: bool = False) -> dict[str, Any]:
    """Return the settings of a stack whose edge has these ports, and tell the provider its address."""
    made: dict[str, Any] = {
        "registry_host": f"127.0.0.1:{ports.tls if tls else ports.plain}",
        "edge": {"http_port": ports.plain, "https_port": ports.tls},
        "protection": {"enabled": False},
        "accounts": [{"name": "robot", "access": [{"repositories": "ci/**", "actions": ["pull", "push"]}]}],
        "anonymous": [{"repositories": "public/**", "actions": ["pull"]}],
    }
    if mock:
        mock.redirect_urls = {f"http{'s' if tls else ''}://{made['registry_host']}/oauth2/callback"}
        made |= {
            "sign_on": {"issuer": mock.issuer, "emails": [ANN, BOB], "operators": [ANN]},
            "oidc_client_id": CLIENT_ID,
            "oidc_client_secret": CLIENT_SECRET,
        }
    return made


def _provider(plan: Plan, proxy: RunningProxy | None) -> Provider | None:
    made = provider(plan)
    assert (made is None) == (proxy is None)
    return dataclasses.replace(made, proxy=proxy.address) if made and proxy else None


@contextlib.contextmanager
def _gateway(plan: Plan, folder: Path, proof: str) -> Iterator[Process]:
    """Run the gateway with the configuration of the stack, and with its files below a folder."""
    port = free_port()
    made = gateway_config(plan.settings, signs_on=plan.runs("oauth2-proxy"))
    made = made.model_copy(
        update={
            "listen_host": "127.0.0.1",
            "listen_port": port,
            "signing_key_file": folder / "key",
            "rights_file": folder / "rights.json",
            "webhook_token_file": folder / "event-token",
            "events_db": folder / "events.db",
        }
    )
    if made.sign_on:
        assert made.sign_on.proof_file == Path(PROOF_FILE)
        made = made.model_copy(update={"sign_on": made.sign_on.model_copy(update={"proof_file": folder / "proof"})})
    files = {
        "key": SIGNING_KEY,
        "rights.json": rights(plan, {"robot": "the robot's password"}, OPERATOR, "salt"),
        "event-token": "the-event-token-of-this-test",
        "proof": proof,
        "config.json": render(made),
    }
    for name, text in files.items():
        write_atomic(folder / name, text, mode=0o600)
    with running(folder, port) as process:
        yield process
