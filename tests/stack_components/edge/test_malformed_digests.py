"""Digests and tags that are none, in addresses: the real edge refuses them, and nothing that the real registry would take."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from tests.ops.gateway.gateway_rig import running_anew
from tests.ops.gateway.registry_rig import EMPTY, MANIFEST_TYPE, Registry, running_registry
from tests.real_programs import registry_binary
from tests.stack_components.edge.test_refusals import AT_ONCE_S, INDEX_TYPE, code, said
from tests.stack_components.edge.whole import REPOSITORY, SCOPE, Edge, running_edge

pytestmark = pytest.mark.system

HEX = "0123456789abcdef" * 4
INDEX = '{"schemaVersion":2,"manifests":[]}'
# The registry says it of everything that it has answered itself.
OF_THE_REGISTRY = "docker-distribution-api-version"
MALFORMED = [
    *("sha256:", "sha256:abc", "sha256:zz", f"sha256:{HEX[1:]}", f"sha256:{HEX}0", f"sha256:{HEX.upper()}", f"SHA256:{HEX}"),
    *(f"sha384:{HEX}", f"sha512:{HEX}", f"sha1:{HEX[:40]}", f"md5:{HEX[:32]}", f"blake3:{HEX}", f"sha256+b64u:{HEX[:43]}"),
    *("a:b:c", ":", f":{HEX}", f"sha256::{HEX}", f"sha256:{HEX}%00", f"sha256:{HEX}%0A", f"v1@sha256:{HEX}", "sha256%3Aabc"),
]
WELL_FORMED = [f"sha256:{HEX}", f"sha384:{HEX}{HEX[:32]}", f"sha512:{HEX * 2}", f"sha256%3A{HEX}"]


@dataclass(frozen=True)
class Asked:
    """The registry, and the edge before it."""

    edge: Edge
    through: Registry
    directly: Registry
    token: str

    def both(self, method: str, path: str, content: str | bytes | None = None) -> tuple[httpx.Response, httpx.Response]:
        """Return what the edge answers, and what the registry does to the same request."""
        headers = {"Content-Type": INDEX_TYPE} if method == "PUT" else {}
        to_edge, to_registry = (
            registry.request(method, path, self.token, content=content, headers=headers)
            for registry in (self.through, self.directly)
        )
        return to_edge, to_registry

    def closed(self, registry: Registry, digest: str, content: bytes) -> httpx.Response:
        """Return the answer to the end of an upload, with a query that is already in its form for addresses."""
        begun = registry.request("POST", f"/v2/{REPOSITORY}/blobs/uploads/", self.token).headers["location"]
        path = httpx.URL(begun).raw_path.decode()
        return registry.request("PUT", f"{path}&{digest}", self.token, content=content)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    folder = tmp_path_factory.mktemp("whole")
    with (
        running_anew(folder) as gateway,
        running_registry(registry_binary(), folder, gateway.url) as registry,
        running_edge(folder, registry.url, gateway) as edge,
    ):
        through = Registry(edge.url, edge.url)
        token = through.token(SCOPE, "admin")
        assert through.push(REPOSITORY, "v1", token).status_code == 201
        yield Asked(edge, through, registry, token)


def assert_refused(answer: httpx.Response, expected: str) -> None:
    """The edge has said so, and the registry was not asked."""
    assert answer.status_code == 400
    assert OF_THE_REGISTRY not in answer.headers
    assert answer.request.method == "HEAD" or code(answer) == expected


@pytest.mark.parametrize("digest", MALFORMED)
@pytest.mark.parametrize(
    ("kind", "method"), [(kind, method) for kind in ("manifests", "blobs") for method in ("GET", "HEAD", "DELETE")]
)
def test_what_is_no_digest_is_refused(asked: Asked, kind: str, method: str, digest: str) -> None:
    to_edge, to_registry = asked.both(method, f"/v2/{REPOSITORY}/{kind}/{digest}")
    assert_refused(to_edge, "DIGEST_INVALID")
    assert to_registry.status_code in {400, 404}


@pytest.mark.parametrize("digest", MALFORMED)
def test_no_manifest_is_pushed_under_what_is_no_digest(asked: Asked, digest: str) -> None:
    to_edge, to_registry = asked.both("PUT", f"/v2/{REPOSITORY}/manifests/{digest}", INDEX)
    assert_refused(to_edge, "DIGEST_INVALID")
    assert to_registry.status_code in {400, 404}


@pytest.mark.parametrize("name", ["sha256", "latest", f"sha256-{HEX}", "%C3%A4"])
def test_a_blob_has_no_other_name(asked: Asked, name: str) -> None:
    to_edge, to_registry = asked.both("GET", f"/v2/{REPOSITORY}/blobs/{name}")
    assert_refused(to_edge, "DIGEST_INVALID")
    assert to_registry.status_code == 404


@pytest.mark.parametrize("query", [*(f"digest={digest}" for digest in MALFORMED), "digest=", "digest", "other=1"])
def test_no_upload_ends_with_what_is_no_digest(asked: Asked, query: str) -> None:
    assert_refused(asked.closed(asked.through, query, b"x"), "DIGEST_INVALID")
    assert asked.closed(asked.directly, query, b"x").status_code == 400


@pytest.mark.parametrize("place", ["manifests/sha256:abc", "blobs/uploads/x?digest=sha256:abc", "manifests/.tag"])
def test_it_is_refused_before_it_is_sent(asked: Asked, place: str) -> None:
    head = f"PUT /v2/{REPOSITORY}/{place} HTTP/1.1\nHost: 127.0.0.1\nContent-Length: 1000000\n\nx"
    answer, took = said(asked.edge.caddy, head)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert took < AT_ONCE_S


@pytest.mark.parametrize("digest", WELL_FORMED)
@pytest.mark.parametrize("kind", ["manifests", "blobs"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_what_is_one_is_asked_for(asked: Asked, kind: str, method: str, digest: str) -> None:
    to_edge, to_registry = asked.both(method, f"/v2/{REPOSITORY}/{kind}/{digest}")
    assert OF_THE_REGISTRY in to_edge.headers
    assert (to_edge.status_code, to_registry.status_code) == (404, 404)


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_uploads_end_as_the_registry_says(asked: Asked, algorithm: str) -> None:
    content = time.time_ns().to_bytes(8, "big")
    query = f"digest={algorithm}%3A{hashlib.new(algorithm, content).hexdigest()}"
    to_edge, to_registry = (asked.closed(registry, query, content) for registry in (asked.through, asked.directly))
    assert OF_THE_REGISTRY in to_edge.headers
    assert to_edge.status_code == to_registry.status_code
    assert algorithm != "sha256" or to_edge.status_code == 201


def test_a_digest_that_is_sent_twice_counts_as_once(asked: Asked) -> None:
    assert asked.closed(asked.through, f"digest={EMPTY}&digest={EMPTY}", b"{}").status_code == 201


@pytest.mark.parametrize("repository", ["team/blobs", "team/manifests", "manifests/blobs", "blobs/uploads"])
def test_repositories_may_be_called_like_parts_of_addresses(asked: Asked, repository: str) -> None:
    token = asked.through.token(f"repository:{repository}:pull,push", "admin")
    assert asked.through.push(repository, "v1", token).status_code == 201
    assert asked.through.pull(repository, "v1", token).status_code == 200


@pytest.mark.parametrize("tag", ["t" * 129, ".tag", "-tag", "ta+g", "ta%20g", "%C3%A4"])
def test_what_is_no_tag_is_refused_when_it_is_pushed_and_unknown_otherwise(asked: Asked, tag: str) -> None:
    path = f"/v2/{REPOSITORY}/manifests/{tag}"
    to_edge, to_registry = asked.both("PUT", path, INDEX)
    assert_refused(to_edge, "TAG_INVALID")
    assert to_registry.status_code == 404
    assert [answer.status_code for answer in asked.both("GET", path)] == [404, 404]


@pytest.mark.parametrize("tag", ["t" * 128, "_", "9", "V1.0_rc-1", f"sha256-{HEX}.sig", "uploads"])
def test_what_is_a_tag_is_pushed(asked: Asked, tag: str) -> None:
    to_edge, _ = asked.both("PUT", f"/v2/{REPOSITORY}/manifests/{tag}", INDEX)
    assert to_edge.status_code == 201
    headers = {"Accept": f"{MANIFEST_TYPE}, {INDEX_TYPE}"}
    assert asked.through.request("GET", f"/v2/{REPOSITORY}/manifests/{tag}", asked.token, headers=headers).status_code == 200
