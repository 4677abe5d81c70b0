"""Every route of the edge, and who gets what there: a route that is not in this matrix fails it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.attackers.everybody import ASKERS, EVERY_PAGE, Everybody, declared_paths, everybody
from tests.ops.gateway.gateway_rig import SERVICE
from tests.ops.gateway.registry_rig import MANIFEST_TYPE
from tests.plans import BARE, EVERYTHING, plan_of
from tests.stack_components.edge.signing_on import ANN, BOB, Browser, Stack, stack

pytestmark = pytest.mark.system

INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
INDEX = b'{"schemaVersion":2,"mediaType":"%b","manifests":[]}' % INDEX_TYPE.encode()
_REPOSITORY = re.compile(r"(?:/ui)?/v2/(.+)/(?:manifests|blobs|tags)/")


@dataclass(frozen=True)
class Row:
    """A request, and the status of its answer for nobody, anybody, the reader, the robot and the operator.

    Attributes:
        site: Where it is sent: to clients' addresses, to where the registry sends events, or to where Prometheus asks.
    """

    method: str
    path: str
    answers: tuple[int, int, int, int, int]
    site: str = "clients"

    @property
    def repository(self) -> str:
        """The repository that it is about; empty if there is none."""
        found = _REPOSITORY.match(self.path)
        return found[1] if found else ""


def everyone(status: int) -> tuple[int, int, int, int, int]:
    return (status,) * 5


ALL_BUT_NOBODY = 401, 200, 200, 200, 200
OPERATOR_ALONE = 401, 401, 401, 401, 200


def page(path: str) -> tuple[Row, ...]:
    """A page is the operator's, whatever is done there."""
    return tuple(Row(method, path, OPERATOR_ALONE) for method in ("GET", "POST"))


def registry(prefix: str) -> tuple[Row, ...]:
    return (
        Row("GET", f"{prefix}/", ALL_BUT_NOBODY),
        Row("GET", f"{prefix}/_catalog", OPERATOR_ALONE),
        Row("GET", f"{prefix}/public/app/manifests/v1", ALL_BUT_NOBODY),
        Row("GET", f"{prefix}/private/app/manifests/v1", (401, 401, 200, 401, 200)),
        Row("GET", f"{prefix}/team/app/tags/list", (401, 401, 401, 200, 200)),
        Row("POST", f"{prefix}/public/app/blobs/uploads/", (401, 401, 401, 401, 202)),
        Row("POST", f"{prefix}/private/app/blobs/uploads/", (401, 401, 401, 401, 202)),
        Row("POST", f"{prefix}/team/app/blobs/uploads/", (401, 401, 401, 202, 202)),
        Row("POST", f"{prefix}/team/blobs/uploads/", (401, 401, 401, 401, 202)),
        Row("POST", f"{prefix}/teams/app/blobs/uploads/", (401, 401, 401, 401, 202)),
        Row("PUT", f"{prefix}/public/app/manifests/v2", (401, 401, 401, 401, 201)),
        Row("PUT", f"{prefix}/private/app/manifests/v2", (401, 401, 401, 401, 201)),
        Row("PUT", f"{prefix}/team/app/manifests/v2", (401, 401, 401, 201, 201)),
    )


# By the path that the edge declares; empty for what no other path chooses.
MATRIX: dict[str, tuple[Row, ...]] = {
    "/v2": (Row("GET", "/v2", everyone(301)),),
    "/v2/*": (*registry("/v2"), Row("DELETE", "/v2/team/gone/manifests/{team/gone}", (401, 401, 401, 401, 202))),
    "/auth/token": (
        Row("GET", f"/auth/token?service={SERVICE}", everyone(200)),
        Row("GET", "/auth/token?service=other.example.com", everyone(400)),
        Row("POST", f"/auth/token?service={SERVICE}", everyone(405)),
    ),
    "/healthz": (Row("GET", "/healthz", everyone(200)), Row("GET", "/healthz", everyone(200), "monitoring")),
    "/status": (Row("GET", "/status", everyone(200)), Row("POST", "/status", everyone(405))),
    "/grafana": (Row("GET", "/grafana", everyone(308)),),
    "/grafana/*": page("/grafana/d/1"),
    "/prometheus": (Row("GET", "/prometheus", everyone(308)),),
    "/prometheus/*": page("/prometheus/api/v1/query"),
    "/portainer": (Row("GET", "/portainer", everyone(308)),),
    "/portainer/*": page("/portainer/api/endpoints"),
    "/ui": (Row("GET", "/ui", everyone(308)),),
    "/ui/*": page("/ui/index.html"),
    "/ui/v2/*": registry("/ui/v2"),
    "": (
        *page("/"),
        *page("/tasks/gc"),
        *page("/events"),
        *page("/auth/operator"),
        Row("GET", "/other", everyone(404), "events"),
    ),
    "/oauth2/callback": page("/oauth2/callback"),  # there is no provider here
    # Of these only services have the address: tests/stack_components/test_networks.py.
    "/events": (Row("POST", "/events", everyone(202), "events"),),
    "/metrics": (Row("GET", "/metrics", everyone(200), "monitoring"), *page("/metrics")),
}
# What there is in other stacks: with an identity provider, and without the console.
ELSEWHERE = {"/oauth2/*", "/"}


@pytest.fixture(scope="module")
def all_of_them(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everybody]:
    with everybody(tmp_path_factory.mktemp("everybody")) as running:
        yield running


def test_every_route_of_the_edge_is_in_the_matrix(tmp_path: Path) -> None:
    unprotected = {"protection": {"enabled": False}}
    assert declared_paths(plan_of(**unprotected), tmp_path / "password") == set(MATRIX)
    provided = declared_paths(plan_of(**{**EVERYTHING, **unprotected}), tmp_path / "provider")
    alone = declared_paths(plan_of(**BARE), tmp_path / "alone", pages=())
    assert (provided | alone) - set(MATRIX) == ELSEWHERE


@pytest.mark.parametrize("path", MATRIX)
def test_everybody_gets_there_what_is_theirs_and_nothing_else(all_of_them: Everybody, path: str) -> None:
    for row in MATRIX[path]:
        for asker, expected in zip(ASKERS, row.answers, strict=True):
            answer = asked(all_of_them, row, asker)
            assert answer.status_code == expected, f"{asker}: {row.method} {row.path}: {answer.text}"


def asked(all_of_them: Everybody, row: Row, asker: str) -> httpx.Response:
    caddy = all_of_them.edge.caddy
    sites = {
        "clients": caddy.url,
        "events": caddy.events_url.removesuffix("/events"),
        "monitoring": f"http://127.0.0.1:{caddy.ports.monitoring}",
    }
    if re.match(r"(/ui)?/v2/", row.path):
        name = row.repository
        scopes = [f"repository:{name}:pull,push,delete"] if name else ["registry:catalog:*"]
        headers = all_of_them.token(asker, *scopes)
    else:
        headers = all_of_them.signed_in(asker)
    headers, content = {**headers, "Accept": f"{MANIFEST_TYPE}, {INDEX_TYPE}"}, None
    if row.method == "PUT":
        headers, content = {**headers, "Content-Type": INDEX_TYPE}, INDEX
    if row.site == "events" and row.method == "POST":
        content = b'{"events": []}'
    path = re.sub(r"\{(.+)\}", lambda found: all_of_them.digests[found[1]], row.path)
    return httpx.request(row.method, sites[row.site] + path, headers=headers, content=content)


@pytest.mark.parametrize("method", ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "TRACE", "get"])
@pytest.mark.parametrize("path", ["/", "/grafana/", "/prometheus/", "/portainer/", "/ui/"])
def test_no_method_passes_a_page_s_sign_on(all_of_them: Everybody, path: str, method: str) -> None:
    for asker in ASKERS[:-1]:
        answer = httpx.request(method, all_of_them.edge.url + path, headers=all_of_them.signed_in(asker))
        assert answer.status_code == 401, f"{asker}: {method} {path}"


@pytest.fixture(scope="module")
def provided(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """With an identity provider, and every page."""
    with stack(tmp_path_factory.mktemp("provided"), signs_on=True, pages=EVERY_PAGE) as running:
        yield running


PAGES = (
    "/",
    "/grafana/",
    "/prometheus/graph",
    "/portainer/",
    "/ui/",
    "/tasks/gc",
    "/oauth2",
    "/events",
    "/metrics",
    "/auth/operator",
)


@pytest.mark.parametrize("path", PAGES)
def test_with_a_provider_pages_are_for_whoever_is_signed_on(provided: Stack, path: str) -> None:
    with Browser(provided) as nobody, Browser(provided, auth=("robot", "the robot's password")) as robot:
        for browser in (nobody, robot):
            assert browser.get(path).status_code == 302
            assert browser.client.post(path, headers={"Accept": "*/*"}).status_code == 401
            assert browser.get(path, Accept="*/*").status_code == 401
    for email in (BOB, ANN):  # what only operators may do there, the console says: tests/ops/console/test_asking.py
        with Browser(provided) as browser:
            browser.sign_on("/", email)
            assert browser.get(path).status_code == 200


def test_the_pages_of_signing_on_are_for_everybody(provided: Stack) -> None:
    with Browser(provided) as browser:
        assert browser.get("/oauth2/sign_in").status_code == 200
        assert browser.get("/oauth2/auth").status_code == 401
        assert browser.get("/status").status_code == 200


def test_the_matrix_has_every_page() -> None:
    assert {f"{one.path}/*" for one in EVERY_PAGE if one.path} <= set(MATRIX)
    assert dataclasses.replace(EVERY_PAGE[-1]).public in MATRIX
