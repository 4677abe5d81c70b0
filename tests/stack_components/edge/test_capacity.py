"""Requests under way at the real edge: as many as it has room for, of one address a part of them, and the others wait."""

from __future__ import annotations

import concurrent.futures
import contextlib
import socket
import sys
import time
from collections.abc import Iterator

import httpx
import pytest

from stack_components.edge.capacity import Capacity
from stack_components.edge.component import config
from tests.plans import plan_of
from tests.stack_components.edge.whole import Edge, running_before, running_whole

WAIT_S = 3
SHARE = 4
AT_ONCE_S = 2  # machines that run tests are busy


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """An edge with room for four requests in each of eight shares."""
    with pytest.MonkeyPatch.context() as patched, running_whole(tmp_path_factory.mktemp("whole")) as (_, registry):
        patched.setattr(sys.modules["stack_components.edge.registry_routes"], "_REGISTRY_RETURNS_S", WAIT_S)
        with running_before(tmp_path_factory.mktemp("edge"), registry.url, capacity=Capacity(8, SHARE)) as edge:
            yield edge


@contextlib.contextmanager
def held(edge: Edge, address: str, number: int) -> Iterator[list[socket.socket]]:
    """Uploads from an address that have begun, and of which nothing more comes."""
    lines = ["PATCH /v2/team/app/blobs/uploads/x HTTP/1.1", "Host: 127.0.0.1", "Content-Length: 100000", "", ""]
    with contextlib.ExitStack() as closed:
        opened = []
        for _ in range(number):
            connection = socket.create_connection(("127.0.0.1", edge.caddy.ports.plain), timeout=30, source_address=(address, 0))
            opened.append(closed.enter_context(connection))
            connection.sendall("\r\n".join(lines).encode())
        time.sleep(0.5)
        yield opened


def asked(edge: Edge, address: str) -> tuple[httpx.Response, float]:
    """What a request from an address gets, and after how long."""
    began = time.monotonic()
    with httpx.Client(transport=httpx.HTTPTransport(local_address=address), timeout=30) as client:
        return client.get(f"{edge.url}/v2/"), time.monotonic() - began


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


@pytest.mark.parametrize(("memory_mib", "requests"), [(64, 16), (128, 42), (256, 128), (512, 298)])
def test_more_memory_has_room_for_more(memory_mib: int, requests: int) -> None:
    assert Capacity.of(memory_mib, one_address=False) == Capacity(8, requests)


def test_a_machine_that_is_its_own_client_has_one_share_of_all() -> None:
    assert config(plan_of()).capacity == Capacity(1, 1024)
    assert config(plan_of(place="hetzner", registry_host="registry.example.com")).capacity == Capacity(8, 128)
    assert config(plan_of(limits={"edge": {"cpus": 0.5, "memory_mib": 512}})).capacity.requests > 2000
