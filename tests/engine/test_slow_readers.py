"""A thousand clients that read a public blob slowly, at the real edge and registry with the memory that these have in a stack."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx

from infra.services import SERVICES
from ops.registry.client import Login, RegistryClient, digest_of
from ops.registry.transport import Endpoint
from stack_components.edge.capacity import Capacity
from stack_components.edge.component import PLAIN_PORT
from tests.engine.stacks import TestStack

REPOSITORY = "public/slow"
ROOM = Capacity.of(SERVICES["edge"].limits.memory_mib, SERVICES["registry"].limits.memory_mib, one_address=False)
READERS = 1000
# Nobody is done meanwhile, and no buffer holds it.
SIZE = 8 * 2**20
# The edge lets those wait for so long for which there is no room.
WAIT_S = 45.0
# Machines that run tests are busy.
BUSY_S = 10.0
# Of the share that the readers leave to others: their addresses fall into all but that one.
SOMEBODY = "192.0.2.8"
ADDRESSES = [f"203.0.113.{number}" for number in range(200) if number % ROOM.shares]


@dataclass
class Reader:
    """A client that takes some bytes each second.

    Attributes:
        address: The address that it has, by the word of the proxy on this host.
        got: What it has got so far.
        waited_s: How long it has waited for the first of it; 0 until then.
    """

    address: str
    got: bytearray = field(default_factory=bytearray)
    waited_s: float = 0.0

    async def read(self, edge: str, request: str) -> None:
        """Read until the edge has no more."""
        loop, began = asyncio.get_running_loop(), time.monotonic()
        with socket.socket() as connection:
            connection.setblocking(False)
            # A thousand buffers of the usual size would be memory of this machine, which is not what is tried here.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            await loop.sock_connect(connection, (edge, PLAIN_PORT))
            await loop.sock_sendall(connection, request.replace("\n\n", f"\nX-Forwarded-For: {self.address}\n\n").encode())
            while piece := await loop.sock_recv(connection, 512):
                self.waited_s = self.waited_s or time.monotonic() - began
                self.got += piece
                await asyncio.sleep(1)

    @property
    def status(self) -> int:
        """The status of the answer; 0 as long as there is none."""
        return int(self.got.split()[1]) if self.got else 0


@contextlib.asynccontextmanager
async def reading(readers: Sequence[Reader], edge: str, request: str) -> AsyncIterator[None]:
    """Let clients read meanwhile."""
    tasks = [asyncio.create_task(one.read(edge, request)) for one in readers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def crowd(edge: str, bearer: str, large: str, small: str) -> tuple[Sequence[Reader], Sequence[float]]:
    """Let a thousand read, until all are answered; return them, and how long somebody waited each second for a whole blob."""
    readers = [Reader(ADDRESSES[number % len(ADDRESSES)]) for number in range(READERS)]
    request = f"GET {large} HTTP/1.1\nHost: edge\nAuthorization: Bearer {bearer}\n\n"
    headers, waited = {"Authorization": f"Bearer {bearer}", "X-Forwarded-For": SOMEBODY}, []
    async with reading(readers, edge, request), httpx.AsyncClient(headers=headers, timeout=WAIT_S) as somebody:
        give_up = time.monotonic() + WAIT_S + BUSY_S
        while not all(one.got for one in readers) and time.monotonic() < give_up:
            began = time.monotonic()
            answer = await somebody.get(f"http://{edge}:{PLAIN_PORT}{small}")
            waited.append(time.monotonic() - began)
            assert answer.status_code == HTTPStatus.OK
            await asyncio.sleep(1)
        await asyncio.sleep(2)  # the rest of short answers
    return readers, waited


def pushed(outputs: dict[str, Any], content: bytes) -> str:
    """Push a blob that everybody may read; return its path."""
    login = Login(outputs["registry_user"], outputs["registry_pass"])
    RegistryClient(Endpoint(outputs["registry_url"]), login).push_blob(REPOSITORY, content)
    return f"/v2/{REPOSITORY}/blobs/{digest_of(content)}"


def anonymous_token(outputs: dict[str, Any]) -> str:
    query = {"service": outputs["registry"], "scope": f"repository:{REPOSITORY}:pull"}
    return str(httpx.get(f"{outputs['registry_url']}/auth/token", params=query).raise_for_status().json()["token"])


def state(stack: TestStack) -> dict[str, dict[str, Any]]:
    """What Docker says of the life of each container."""
    told = ("StartedAt", "Status", "OOMKilled", "Pid")
    return {
        service: {"id": one.id, "restarts": one.attrs["RestartCount"], **{key: one.attrs["State"][key] for key in told}}
        for service, one in stack.containers().items()
    }


def test_a_thousand_slow_readers_end_no_service_and_take_nobody_elses_room(living: TestStack) -> None:
    outputs, before = living.outputs, state(living)
    for service in ("edge", "registry"):
        memory = living.containers()[service].attrs["HostConfig"]["Memory"]
        assert memory == SERVICES[service].limits.memory_mib * 2**20
    large, small = pushed(outputs, secrets.token_bytes(SIZE)), pushed(outputs, secrets.token_bytes(1000))
    readers, waited = asyncio.run(crowd(living.address("edge", "edge"), anonymous_token(outputs), large, small))

    answered = [one for one in readers if one.status == HTTPStatus.OK]
    refused = [one for one in readers if one.status == HTTPStatus.SERVICE_UNAVAILABLE]
    room = ROOM.downloads * (ROOM.shares - 1)
    assert (len(answered), len(refused)) == (room, READERS - room)
    assert max(len(one.got) for one in answered) < SIZE / 100, "they were still reading"
    assert all(b"\r\nRetry-After: 5\r\n" in one.got and b"TOOMANYREQUESTS" in one.got for one in refused)
    assert min(one.waited_s for one in refused) > WAIT_S - 1

    assert len(waited) > WAIT_S / 4
    assert max(waited) < BUSY_S / 2
    assert state(living) == before, "killed or restarted"
