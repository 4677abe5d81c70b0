"""Proxies in front of the real edge: what those it trusts say of a client is believed, and nobody else's word."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from ops.registry.transport import Endpoint, UnreachableError
from ops.stack.untrusted_proxies import untrusted_proxies
from ops.tasks.doctor.remote import check_remote
from stack_components.edge.clients import Clients
from stack_components.edge.component import config
from stack_components.edge.registry_routes import Upstreams
from tests.free_ports import free_port
from tests.ops.gateway.gateway_rig import SERVICE, basic
from tests.ops.gateway.registry_rig import Registry
from tests.plans import plan_of
from tests.real_programs import caddy_binary
from tests.stack_components.edge.caddy import Ports, RunningCaddy, echo, running_caddy
from tests.stack_components.edge.whole import Edge, running_whole

pytestmark = pytest.mark.system

NAME = "registry.example.com"
ON_THIS_HOST = ["127.0.0.1"]
# In the tests all come from 127.0.0.1. To the edge this is some other machine, as it does not know what that is.
NOBODY: list[str] = []


def clients(trusted: list[str], host: str = NAME) -> Clients:
    """What a stack of this name, on somebody's own machine, knows of clients."""
    return config(plan_of(registry_host=host, edge={"trusted_proxies": trusted}, protection={"enabled": False})).clients


def from_proxy(client: str, *, host: str = NAME, proto: str = "https") -> Mapping[str, str]:
    """The headers that a proxy sends."""
    return {"Host": host, "X-Forwarded-Proto": proto, "X-Forwarded-For": client, "X-Forwarded-Host": host}


@pytest.fixture(scope="module", params=[ON_THIS_HOST, NOBODY], ids=["trusted", "not trusted"])
def echoing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCaddy]:
    """An edge before services that answer with the headers that they were sent."""
    with echo() as service:
        stack = dataclasses.replace(
            config(plan_of(protection={"enabled": False})),
            upstreams=Upstreams(service, service),
            pages=[],
            clients=clients(request.param),
        )
        with running_caddy(stack, tmp_path_factory.mktemp("edge"), Ports()) as caddy:
            yield caddy


def trusts(caddy: RunningCaddy) -> bool:
    return "trusted_proxies" in (caddy.folder / "caddy" / "Caddyfile").read_text()


def told(caddy: RunningCaddy, headers: Mapping[str, str], path: str = "/v2/", *, tls: bool = False) -> dict[str, str | None]:
    """What a service is told of a client."""
    url, trust = (caddy.tls_url, caddy.trust()) if tls else (caddy.url, None)
    seen = httpx.get(url + path, headers=headers, verify=trust or True).json()["headers"]
    return {name: seen.get(name) for name in ("x-forwarded-for", "x-forwarded-proto", "x-real-ip", "forwarded")}


@pytest.mark.parametrize(
    ("said", "proto", "address", "scheme"),
    [
        ("203.0.113.9", "https", "203.0.113.9", "https"),
        ("203.0.113.9", "http", "203.0.113.9", "http"),
        ("203.0.113.9", "HTTPS, http", "203.0.113.9", "https"),
        ("203.0.113.9", "gopher", "203.0.113.9", "http"),
        ("198.51.100.66, 203.0.113.9", "https", "203.0.113.9", "https"),  # the client claims the first, the proxy saw the last
        ("2001:db8::9", "https", "2001:db8::9", "https"),
        ("192.168.1.7", "https", "192.168.1.7", "https"),
        ("nonsense", "https", "127.0.0.1", "https"),
    ],
)
def test_a_service_is_told_what_a_trusted_proxy_says(
    echoing: RunningCaddy, said: str, proto: str, address: str, scheme: str
) -> None:
    headers = {**from_proxy(said, host="other.example.com", proto=proto), "Forwarded": f"for={said};proto=https"}
    address, scheme = (address, scheme) if trusts(echoing) else ("127.0.0.1", "http")
    wanted = {"x-forwarded-for": address, "x-forwarded-proto": scheme, "x-real-ip": address, "forwarded": None}
    assert [told(echoing, headers, path) for path in ("/v2/", "/auth/token?service=s")] == [wanted, wanted]


def test_a_proxy_on_this_host_is_only_believed_where_nobody_else_connects(echoing: RunningCaddy) -> None:
    # The port with TLS is open to all, and some engines let them all come from the host's address.
    seen = told(echoing, from_proxy("203.0.113.9", host="localhost", proto="http"), tls=True)
    assert (seen["x-forwarded-for"], seen["x-forwarded-proto"]) == ("127.0.0.1", "https")


def test_who_uses_the_registry_s_name_uses_tls_even_if_the_proxy_is_not_declared(echoing: RunningCaddy) -> None:
    assert told(echoing, {"Host": NAME})["x-forwarded-proto"] == "https"
    assert told(echoing, {"Host": f"{NAME}:{echoing.ports.plain}"})["x-forwarded-proto"] == "http"
    assert told(echoing, {})["x-forwarded-proto"] == "http"


def test_a_name_that_is_used_without_tls_is_no_reason_to_believe_in_it() -> None:
    assert clients(NOBODY, "localhost:8080").public_name == ""


def test_the_log_names_the_client_and_shows_a_proxy_that_is_not_trusted(echoing: RunningCaddy) -> None:
    for number in range(3):
        told(echoing, from_proxy("203.0.113.77"), f"/v2/logged/{number}")
    give_up = time.monotonic() + 10
    while "/v2/logged/2" not in echoing.access_log:
        assert time.monotonic() < give_up
        time.sleep(0.02)
    (seen,) = {json.loads(line)["request"]["client_ip"] for line in echoing.access_log.splitlines() if "/v2/logged/2" in line}
    found = untrusted_proxies(echoing.access_log_file)
    if trusts(echoing):
        assert (seen, found) == ("203.0.113.77", [])
    else:
        (proxy,) = found
        assert (seen, proxy.address, proxy.on_host) == ("127.0.0.1", "127.0.0.1", True)


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Edge, Registry]]:
    """Edge, gateway and registry behind a proxy on this host that is trusted."""
    with running_whole(tmp_path_factory.mktemp("behind"), clients=clients(ON_THIS_HOST)) as found:
        yield found


def test_the_challenge_leads_to_where_the_client_sees_the_registry(behind: tuple[Edge, Registry]) -> None:
    edge, registry = behind
    challenge = httpx.get(f"{edge.url}/v2/", headers=from_proxy("203.0.113.8")).headers["WWW-Authenticate"]
    assert re.findall('realm="([^"]*)"', challenge) == [f"https://{NAME}/auth/token"]
    token = registry.token("repository:team/app:pull,push", "admin")
    begun = registry.request("POST", "/v2/team/app/blobs/uploads/", token, headers=dict(from_proxy("203.0.113.8")))
    assert begun.status_code == 202
    assert not begun.headers["Location"].startswith("http:")


def test_the_failures_of_one_client_are_not_another_s(behind: tuple[Edge, Registry]) -> None:
    edge, _ = behind

    def tries(client: str, password: str) -> int:
        headers = {**from_proxy(client), **basic("robot", password)}
        return httpx.get(f"{edge.url}/auth/token", params={"service": SERVICE}, headers=headers).status_code

    assert [tries("203.0.113.9", "wrong") for _ in range(11)] == [401] * 10 + [429]
    assert tries("203.0.113.10", "wrong") == 401
    # What the client itself puts before its address makes nobody else of it.
    assert tries("203.0.113.11, 203.0.113.9", "wrong") == 429


@contextlib.contextmanager
def proxy_before(edge: Edge, folder: Path) -> Iterator[Endpoint]:
    """Run a real proxy on this host, as people set it up: it ends TLS, and sends requests on to the port without."""
    port = free_port()
    (folder / "Caddyfile").write_text(
        f"{{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n\tstorage file_system {folder}\n}}\n"
        f"https://localhost:{port} {{\n\ttls internal\n\treverse_proxy 127.0.0.1:{edge.caddy.ports.plain}\n}}\n"
    )
    endpoint = Endpoint(f"https://localhost:{port}", folder / "pki/authorities/local/root.crt", {"localhost": "127.0.0.1"})
    command = [str(caddy_binary()), "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            give_up = time.monotonic() + 20
            while True:
                with contextlib.suppress(UnreachableError):
                    endpoint.ask("GET", "/v2/", headers={})
                    break
                assert time.monotonic() < give_up
                time.sleep(0.05)
            yield endpoint
        finally:
            process.kill()


def test_a_proxy_in_front_that_is_trusted_leads_clients_back_to_itself(behind: tuple[Edge, Registry], tmp_path: Path) -> None:
    with proxy_before(behind[0], tmp_path) as endpoint:
        checks = {check.name: check for check in check_remote(endpoint, None, patience_s=0)}
    assert checks["answers"].state == "ok"
    assert f"{endpoint.url}/auth/token" in checks["answers"].detail


def test_the_doctor_says_what_is_missing_if_it_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "proxy"
    folder.mkdir()
    with running_whole(tmp_path, clients=clients(NOBODY)) as (edge, _), proxy_before(edge, folder) as endpoint:
        (failed,) = [check for check in check_remote(endpoint, None, patience_s=0) if check.state == "failed"]
    plain = endpoint.url.replace("https:", "http:")
    assert failed.detail == f"{endpoint.url} sends its clients to {plain}, without TLS, which was not followed"
    assert failed.exit_code == 10
    assert "edge.trusted_proxies" in failed.remedy


def test_events_reach_the_gateway_with_a_token_that_the_registry_does_not_know(behind: tuple[Edge, Registry]) -> None:
    edge, _ = behind
    (edge.folder / "secrets").mkdir(exist_ok=True)
    (edge.folder / "secrets" / "events-token").write_text((edge.folder / "event_token").read_text())
    body: dict[str, list[str]] = {"events": []}
    assert httpx.post(edge.caddy.events_url, json=body).status_code == 202
    assert httpx.post(f"{edge.gateway.url}/events", json=body).status_code == 401
    assert httpx.post(f"{edge.url}/events", json=body).status_code == 404
    other = edge.caddy.events_url.replace("/events", "/auth/token")
    assert httpx.get(other).status_code == 404
