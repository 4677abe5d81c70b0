"""Requests under way at the real edge: as many as it has room for, of one address a part of them, and the others wait."""

from __future__ import annotations

import concurrent.futures
import contextlib
import hashlib
import secrets
import socket
import sys
import time
from collections.abc import Iterator

import httpx
import pytest

from stack_components.edge.capacity import Capacity
from stack_components.edge.component import config
from tests.declared import declare
from tests.ops.gateway.registry_rig import Registry
from tests.plans import plan_of
from tests.stack_components.edge.whole import Edge, running_before, running_whole

WAIT_S = 3
SHARE = 4
DOWNLOADS = 2
LARGE = secrets.token_bytes(16 * 2**20)  # more than buffers hold
AT_ONCE_S = 2  # machines that run tests are busy


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """An edge with room for four requests and two downloads in each of eight shares, and a large blob behind it."""
    with pytest.MonkeyPatch.context() as patched, running_whole(tmp_path_factory.mktemp("whole")) as (_, registry):
        upload(registry)
        patched.setattr(sys.modules["stack_components.edge.registry_routes"], "_REGISTRY_RETURNS_S", WAIT_S)
        with running_before(tmp_path_factory.mktemp("edge"), registry.url, capacity=Capacity(8, DOWNLOADS, SHARE)) as edge:
            yield edge


def upload(registry: Registry) -> None:
    """Upload the large blob."""
    token = registry.token("repository:team/app:pull,push", "admin")
    place = registry.request("POST", "/v2/team/app/blobs/uploads/", token).headers["location"].removeprefix(registry.url)
    digest = hashlib.sha256(LARGE).hexdigest()
    answer = registry.request("PUT", f"{place}&digest=sha256:{digest}", token, content=LARGE, timeout=60)
    assert answer.status_code == 201


def blob() -> str:
    return f"/v2/team/app/blobs/sha256:{hashlib.sha256(LARGE).hexdigest()}"


@contextlib.contextmanager
def held(edge: Edge, address: str, number: int, *lines: str) -> Iterator[list[socket.socket]]:
    """Requests from an address that have begun, of which nothing more comes and nobody reads the answer; uploads by default."""
    lines = lines or ("PATCH /v2/team/app/blobs/uploads/x HTTP/1.1", "Content-Length: 100000")
    with contextlib.ExitStack() as closed:
        opened = []
        for _ in range(number):
            connection = socket.create_connection(("127.0.0.1", edge.caddy.ports.plain), timeout=30, source_address=(address, 0))
            opened.append(closed.enter_context(connection))
            connection.sendall("\r\n".join([*lines, "Host: 127.0.0.1", "", ""]).encode())
        time.sleep(0.5)
        yield opened


@contextlib.contextmanager
def downloads(edge: Edge, address: str, number: int) -> Iterator[list[socket.socket]]:
    """Downloads of the large blob from an address, which nobody reads."""
    token = Registry(edge.url, edge.url).token("repository:team/app:pull")
    with held(edge, address, number, f"GET {blob()} HTTP/1.1", f"Authorization: Bearer {token}") as opened:
        yield opened


def asked(edge: Edge, address: str, path: str = "/v2/") -> tuple[httpx.Response, float]:
    """What a request from an address gets, and after how long."""
    began = time.monotonic()
    with httpx.Client(transport=httpx.HTTPTransport(local_address=address), timeout=30) as client:
        return client.get(edge.url + path), time.monotonic() - began


@pytest.mark.system
def test_one_address_takes_no_more_than_its_share(edge: Edge) -> None:
    with held(edge, "127.0.0.1", SHARE):
        answer, took = asked(edge, "127.0.0.1")
        assert (answer.status_code, took > WAIT_S - 0.5) == (503, True)
        assert answer.headers["Retry-After"] == "5"
        assert "at once" in answer.json()["errors"][0]["message"]
        assert asked(edge, "127.0.0.9")[0].status_code == 503, "it falls into the same share"
        answer, took = asked(edge, "127.0.0.2")
        assert (answer.status_code, took < AT_ONCE_S) == (401, True)
    assert asked(edge, "127.0.0.1")[0].status_code == 401


@pytest.mark.system
def test_what_exceeds_the_share_waits_for_its_turn(edge: Edge) -> None:
    with held(edge, "127.0.0.1", SHARE) as uploads, concurrent.futures.ThreadPoolExecutor() as threads:
        waiting = threads.submit(asked, edge, "127.0.0.1")
        time.sleep(0.5)
        assert not waiting.done()
        uploads[0].close()
        assert waiting.result()[0].status_code == 401


@pytest.mark.system
def test_downloads_have_a_room_of_their_own(edge: Edge) -> None:
    with downloads(edge, "127.0.0.1", DOWNLOADS) as opened:
        assert all(one.recv(12) == b"HTTP/1.1 200" for one in opened)
        answer, took = asked(edge, "127.0.0.1", blob())
        assert (answer.status_code, took > WAIT_S - 0.5) == (503, True)
        # Nothing else waits for them, nor do the downloads of others.
        assert [asked(edge, *one)[0].status_code for one in (("127.0.0.1", "/v2/"), ("127.0.0.2", blob()))] == [401, 401]
        with held(edge, "127.0.0.1", SHARE):
            assert asked(edge, "127.0.0.1")[0].status_code == 503
    with held(edge, "127.0.0.1", SHARE), downloads(edge, "127.0.0.1", 1) as opened:
        assert opened[0].recv(12) == b"HTTP/1.1 200"


@pytest.mark.parametrize(
    ("edge_mib", "registry_mib", "downloads", "requests"),
    [(64, 2048, 8, 8), (128, 2048, 21, 21), (256, 2048, 37, 91), (256, 512, 6, 122), (256, 4096, 64, 64), (512, 4096, 77, 221)],
)
def test_more_memory_has_room_for_more(edge_mib: int, registry_mib: int, downloads: int, requests: int) -> None:
    assert Capacity.of(edge_mib, registry_mib, one_address=False) == Capacity(8, downloads, requests)


def test_what_the_registry_holds_for_downloads_fits_its_memory() -> None:
    """A buffer each, and what the collector has yet to free: it begins when there is half as much again."""
    for memory_mib in (512, 1024, 2048, 8192):
        capacity = Capacity.of(8192, memory_mib, one_address=False)
        assert 0.85 * memory_mib < 160 + 4.25 * 1.5 * capacity.shares * (capacity.downloads + 1)
        assert 160 + 4.25 * 1.5 * capacity.shares * capacity.downloads <= memory_mib
    environment = declare({}).named("registry-container").inputs["envs"]
    assert "GOGC=50" in environment
    assert not any("GOMEMLIMIT" in one for one in environment), "it could not change while the container runs"


def test_a_machine_that_is_its_own_client_has_one_share_of_all() -> None:
    assert config(plan_of()).capacity == Capacity(1, 296, 728)
    public = {"place": "hetzner", "registry_host": "registry.example.com"}
    assert config(plan_of(**public)).capacity == Capacity(8, 37, 91)
    assert config(plan_of(limits={"edge": {"cpus": 0.5, "memory_mib": 512}})).capacity.requests > 2000
    halved = config(plan_of(limits={"registry": {"cpus": 0.5, "memory_mib": 1024}})).capacity
    assert (halved.downloads, halved.requests) == (135, 889)
