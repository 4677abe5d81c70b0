"""Recorded requests replayed through a real CrowdSec: registry clients are left alone, scanners and guessers are banned."""

from __future__ import annotations

import contextlib
import hashlib
import io
import tarfile
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from infra.plan import Plan
from stack_components.protection.config import acquisition, request_parsers
from tests.ops.gateway.gateway_rig import SERVICE, basic
from tests.plans import BARE, EVERYTHING, plan_of
from tests.stack_components.edge.caddy import serving
from tests.stack_components.monitoring.used_metrics import used
from tests.stack_components.protection.edge import Edge, running_edge
from tests.stack_components.protection.engine import cscli_binary, engine_binary, make_engine

pytestmark = pytest.mark.system

OURS = {"parsers/s02-enrich/zz-private-registry.yaml": request_parsers()}
_BOUNCER_KEY, _MEASURED_WITHIN_S = "of-the-tests-0123456789", 60.0
_LAYERS = 15
_IMAGES = 5
_PROBING = "crowdsecurity/http-probing"
_GUESSING = "crowdsecurity/http-generic-bf"
_SECRETS = "crowdsecurity/http-sensitive-files"


def push(edge: Edge) -> None:
    """Push images of fifteen new layers each."""
    for image in range(_IMAGES):
        layers = []
        for number in range(_LAYERS):
            path = edge.folder / f"layer-{image}-{number}.tar"
            with tarfile.open(path, "w") as archive:
                content = f"{image}/{number}".encode()
                member = tarfile.TarInfo("file")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
            layers += ["--new_layer", str(path)]
        edge.crane("append", *layers, "--new_tag", f"{edge.host}/team/app-{image}:v1")


def pull(edge: Edge) -> None:
    """Pull these images one after the other."""
    for image in range(_IMAGES):
        edge.crane("pull", f"{edge.host}/team/app-{image}:v1", str(edge.folder / "pulled.tar"))


def log_in(edge: Edge) -> None:
    """Sign in eight times, each time from the challenge on."""
    for _ in range(8):
        assert httpx.get(f"{edge.url}/v2/").status_code == 401
        assert httpx.get(f"{edge.url}/v2/", headers=edge.token("", account="admin")).status_code == 200


def look_up_signatures(edge: Edge) -> None:
    """Look for what is signed, as cosign and the referrers API do it."""
    headers = edge.token("repository:team/app-0:pull")
    for number in range(12):
        digest = hashlib.sha256(str(number).encode()).hexdigest()
        for path in (f"manifests/sha256-{digest}.sig", f"manifests/sha256-{digest}", f"referrers/sha256:{digest}?artifactType=a"):
            assert httpx.get(f"{edge.url}/v2/team/app-0/{path}", headers=headers).status_code == 404


def upload_without_a_token(edge: Edge) -> None:
    """Begin eight uploads with a token that has run out."""
    for _ in range(8):
        assert httpx.post(f"{edge.url}/v2/team/app-0/blobs/uploads/").status_code == 401


def open_pages(edge: Edge) -> None:
    """Open the pages with a browser that is not signed on."""
    for path in ("/", "/favicon.ico"):
        assert httpx.get(edge.url + path).status_code == 401


def scan(edge: Edge) -> None:
    """Look for a WordPress."""
    for number in range(20):
        httpx.get(f"{edge.url}/wp-{number}/setup.php", headers={"User-Agent": "Mozilla/5.0"})


def look_for_secrets(edge: Edge) -> None:
    """Look for files that somebody has forgotten."""
    for path in ("/.env", "/.git/config", "/.aws/credentials", "/backup.sql", "/.htpasswd", "/id_rsa", "/.ssh/id_rsa"):
        httpx.get(edge.url + path)


def guess_names(edge: Edge) -> None:
    """Ask for the tags of repositories that may exist."""
    for number in range(20):
        headers = edge.token(f"repository:guess{number}:pull")
        assert httpx.get(f"{edge.url}/v2/guess{number}/tags/list", headers=headers).status_code == 404


def guess_passwords(edge: Edge) -> None:
    """Try passwords of the operator."""
    for number in range(8):
        asked = httpx.get(f"{edge.url}/auth/token", params={"service": SERVICE}, headers=basic("admin", f"password{number}"))
        assert asked.status_code == 401


def push_in_read_only_mode(edge: Edge) -> None:
    """Try again and again to push while a person has turned on read-only mode."""
    headers = edge.token("repository:team/app-0:pull,push", account="admin")
    edge.read_only_file.write_text("we move house")
    for _ in range(20):
        assert httpx.post(f"{edge.url}/v2/team/app-0/blobs/uploads/", headers=headers).status_code == 405
        assert httpx.put(f"{edge.url}/v2/team/app-0/manifests/v1", headers=headers, content=b"x" * 99).status_code == 405
    edge.read_only_file.unlink()


def call_itself_anything(edge: Edge) -> None:
    """Send what others might take for the end of a line, of a field, or of a text."""
    for agent in (
        b'"} {"',
        b"\\u0000\\x1b[2J",
        b"\xff\xfe\xed\xa0\x80",
        b"<script>alert(1)</script>",
        b"a" * 20_000,
        b"${jndi:x}",
        b"",
    ):
        odd = httpx.get(f"{edge.url}/v2/?%00%0a%ff={'%22' * 500}", headers={b"User-Agent": agent})
        assert odd.status_code == 401


# By address; all are reserved for documentation (RFC 5737).
CLIENTS: dict[str, Callable[[Edge], None]] = {
    "198.51.100.1": push,
    "198.51.100.2": pull,
    "198.51.100.3": log_in,
    "198.51.100.4": look_up_signatures,
    "198.51.100.5": upload_without_a_token,
    "198.51.100.6": open_pages,
    "198.51.100.7": push_in_read_only_mode,
    "198.51.100.8": call_itself_anything,
}
ATTACKERS: dict[str, Callable[[Edge], None]] = {
    "203.0.113.1": scan,
    "203.0.113.2": look_for_secrets,
    "203.0.113.3": guess_names,
    "203.0.113.4": guess_passwords,
}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Caddy has logged of all of them."""
    folder = tmp_path_factory.mktemp("edge")
    with running_edge(folder, plan_of(protection={"enabled": False})) as edge:
        lines = [line for address, action in (CLIENTS | ATTACKERS).items() for line in edge.recorded(address, action)]
    path = folder / "recorded.log"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def replayed(log: Path, folder: Path, files: dict[str, str]) -> dict[str, set[str]]:
    """The scenarios that ban an address."""
    bans = make_engine(folder, files).replay(log)
    return {address: {ban.scenario for ban in bans if ban.address == address} for address in {ban.address for ban in bans}}


def test_registry_clients_are_banned_without_our_parsers(log: Path, tmp_path: Path) -> None:
    banned = replayed(log, tmp_path, {})
    assert {address for address in CLIENTS if address in banned} == {f"198.51.100.{number}" for number in (1, 2, 4, 5)}
    assert _PROBING in banned["198.51.100.1"]
    assert banned["198.51.100.2"] == {"crowdsecurity/http-crawl-non_statics"}
    assert banned["198.51.100.4"] == {_PROBING}
    assert banned["198.51.100.5"] == {"LePresidente/http-generic-401-bf"}


def test_registry_clients_are_left_alone_and_attackers_are_banned(log: Path, tmp_path: Path) -> None:
    assert replayed(log, tmp_path, OURS) == {
        "203.0.113.1": {_PROBING, _GUESSING},  # the page asks for a password, whatever the path
        "203.0.113.2": {_GUESSING, _SECRETS},
        "203.0.113.3": {_PROBING},
        "203.0.113.4": {_GUESSING},
    }


def test_what_rules_and_dashboards_ask_of_crowdsec_is_measured_by_it(log: Path, tmp_path: Path) -> None:
    asked, growing = used("cs_"), tmp_path / "access.log"
    assert len(asked) > 4
    growing.touch()
    engine = make_engine(tmp_path / "crowdsec", OURS)
    with engine.working(growing) as url:
        engine.run(cscli_binary(), "bouncers", "add", "tests", "--key", _BOUNCER_KEY)
        question = f"http://127.0.0.1:{engine.port}/v1/decisions"
        assert httpx.get(question, headers={"X-Api-Key": _BOUNCER_KEY}).status_code == 200
        with growing.open("a") as file:
            file.write(f"no JSON\n{log.read_text()}")
        give_up = time.monotonic() + _MEASURED_WITHIN_S
        while missing := asked - measured(url):
            assert time.monotonic() < give_up, missing
            time.sleep(0.5)


def measured(url: str) -> set[str]:
    """The names of what it serves."""
    return {sample.name for family in text_string_to_metric_families(httpx.get(url).text) for sample in family.samples}


def test_without_pages_a_scanner_is_banned(tmp_path: Path) -> None:
    assert visited(tmp_path, plan_of(**BARE), {"203.0.113.1": scan}) == {"203.0.113.1": {_PROBING}}


def test_with_an_identity_provider_a_scanner_is_banned_and_a_page_that_is_left_open_is_not(tmp_path: Path) -> None:
    visitors: dict[str, Callable[[Edge], None]] = {"203.0.113.1": scan, "198.51.100.1": leave_a_dashboard_open}
    with stand_in_for_oauth2_proxy() as proxy:
        plan = plan_of(**{**EVERYTHING, "protection": {"enabled": False}})
        assert visited(tmp_path, plan, visitors, proxy) == {"203.0.113.1": {_PROBING}}


def leave_a_dashboard_open(edge: Edge) -> None:
    """Ask for the data of Grafana's panels, when the session has run out."""
    for number in range(30):
        assert httpx.get(f"{edge.url}/grafana/api/annotations/{number}?from={number}").status_code == 401


def visited(folder: Path, plan: Plan, visitors: dict[str, Callable[[Edge], None]], oauth2_proxy: str = "") -> dict[str, set[str]]:
    """The bans of those who have visited the edge of a stack."""
    with running_edge(folder, plan, oauth2_proxy) as edge:
        lines = [line for address, action in visitors.items() for line in edge.recorded(address, action)]
    log = folder / "recorded.log"
    log.write_text("".join(f"{line}\n" for line in lines))
    return replayed(log, folder / "crowdsec", OURS)


@contextlib.contextmanager
def stand_in_for_oauth2_proxy() -> Iterator[str]:
    """A stand-in for oauth2-proxy: nobody is signed on."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(401)

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    with serving(Answer) as server:
        yield f"127.0.0.1:{server.server_address[1]}"


def test_the_engine_accepts_what_is_rendered(tmp_path: Path) -> None:
    engine = make_engine(tmp_path, {**OURS, "acquis.yaml": acquisition()})
    engine.run(engine_binary(), "-t")
