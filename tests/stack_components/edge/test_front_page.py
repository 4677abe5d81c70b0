"""The page at `/` where no console is: through the real edge, in a real browser, with registry and gateway well and not well."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.config import Access
from stack_components.edge.component import config
from stack_components.edge.front_page import FrontPage, front_page
from stack_components.edge.registry_routes import Upstreams
from tests.browser import page
from tests.free_ports import free_port
from tests.plans import BARE, plan_of
from tests.stack_components.edge.caddy import Ports, RunningCaddy, echo, running_caddy, serving
from tests.stack_components.edge.whole import Edge, running_whole

NAME = "registry.example.com"
WELL, READ_ONLY, UNWELL = "<b>Well.</b>", "<b>Read-only.</b>", "<b>Not well.</b>"


def of(**raw: Any) -> FrontPage:
    """The page of a stack."""
    return config(plan_of(**raw)).front


def test_it_says_what_this_is_and_how_to_pull_and_push() -> None:
    shown = front_page(of(registry_host=NAME, ui={"title": "Our images"}), {}, "well")
    assert "<h1>Our images</h1>" in shown
    assert f"docker pull {NAME}/REPOSITORY:TAG" in shown
    assert f"docker login {NAME}\ndocker tag IMAGE {NAME}/REPOSITORY:TAG\ndocker push {NAME}/REPOSITORY:TAG" in shown
    assert "Anyone may pull, without signing in" in shown
    assert "operators</h2>" not in shown


def test_it_says_who_may_pull() -> None:
    some = [{"repositories": "public/**", "actions": ["pull"]}]
    assert "Anyone may pull <code>public/**</code> without" in front_page(of(anonymous=some), {}, "well")
    assert "Sign in first" in front_page(of(anonymous=[]), {}, "well")
    everything = FrontPage("t", NAME, (Access(repositories="**", actions=("pull", "push")),))
    assert "Anyone may push" in front_page(everything, {}, "well")


def test_it_names_the_authority_that_clients_must_trust() -> None:
    cases: list[tuple[dict[str, Any], bool]] = [
        ({"edge": {"bind": "192.0.2.1"}}, True),
        ({}, False),  # without TLS
        ({"registry_host": NAME}, False),  # a proxy's
        ({"place": "hetzner", "registry_host": NAME}, False),
        ({"place": "hetzner", "registry_host": NAME, "edge": {"tls": "internal"}}, True),
    ]
    for raw, named in cases:
        assert ("/ca.crt" in front_page(of(**raw), {}, "well")) is named, raw


def test_it_leads_operators_to_their_pages() -> None:
    shown = front_page(of(), {"/grafana": "Grafana", "/prometheus": "Prometheus"}, "well")
    assert '<a href="/grafana/">Grafana</a>, <a href="/prometheus/">Prometheus</a>' in shown


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """An edge before a registry and a gateway that work."""
    with running_whole(tmp_path_factory.mktemp("whole")) as (edge, _):
        yield edge


@pytest.mark.system
def test_all_is_well(edge: Edge) -> None:
    answer = httpx.get(edge.url)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert WELL in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert not {"docker-distribution-api-version", "www-authenticate"} & set(answer.headers)
    head = httpx.head(edge.url)
    assert (head.status_code, head.text) == (200, "")


@pytest.mark.system
def test_it_is_a_page_and_nothing_else(edge: Edge) -> None:
    assert httpx.post(edge.url, content=b"x").status_code == 405
    for path in ("/index.html", "/x"):
        assert "<h1>" not in httpx.get(edge.url + path).text


@pytest.mark.system
def test_it_is_read_only(edge: Edge) -> None:
    with edge.read_only():
        assert READ_ONLY in httpx.get(edge.url).text


@pytest.mark.system
def test_a_browser_shows_all_of_it(edge: Edge) -> None:
    seen = page(edge.url)
    assert WELL in seen
    assert seen.rstrip().endswith("</main>\n</body></html>")
    assert "{" not in seen.partition("</style>")[2]


class Sick(BaseHTTPRequestHandler):
    """A STAND-IN for a registry whose disk does not answer."""

    def do_GET(self) -> None:
        self.send_response(503)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"sick")

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@contextlib.contextmanager
def before(folder: Path, registry: str, gateway: str) -> Iterator[RunningCaddy]:
    stack = dataclasses.replace(config(plan_of(**BARE)), upstreams=Upstreams(registry, gateway))
    with running_caddy(stack, folder, Ports()) as caddy:
        yield caddy


@pytest.mark.system
def test_a_service_that_is_sick_or_away_is_not_well(tmp_path: Path) -> None:
    away = f"127.0.0.1:{free_port()}"
    with echo() as well, serving(Sick) as sick, before(tmp_path, f"127.0.0.1:{sick.server_address[1]}", well) as caddy:
        answer = httpx.get(caddy.url)
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "text/html; charset=utf-8")
    assert UNWELL in answer.text
    with echo() as well, before(tmp_path / "away", well, away) as caddy:
        answer = httpx.get(caddy.url)
    assert answer.status_code == 503
    assert UNWELL in answer.text
