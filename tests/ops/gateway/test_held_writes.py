"""Writes that wait for read-only mode to end: what the gateway answers, and when."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry, Gauge

from ops.config import HELD_WRITES_PATH
from ops.core.files import write_atomic
from ops.gateway import held_writes
from ops.gateway.held_writes import HeldWrites
from tests.ops.gateway.gateway_rig import Process, running_anew

LIMIT_S = 0.2


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with running_anew(tmp_path_factory.mktemp("gateway")) as gateway:
        yield gateway


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file of read-only mode, which a task has turned on."""
    file = tmp_path / "read-only"
    write_atomic(file, f"{int(time.time()) + 100:010d} {{}}\n")
    return file


@pytest.fixture
def gauge() -> Gauge:
    return Gauge("held", "Held writes.", registry=CollectorRegistry())


def held_now(gauge: Gauge) -> float:
    """What a gauge shows."""
    return next(sample.value for metric in gauge.collect() for sample in metric.samples)


async def ask(held: HeldWrites, count: int = 1, method: str = "POST") -> list[httpx.Response]:
    """Ask as often, all at once, as the edge does about writes of a method."""
    transport = httpx.ASGITransport(held)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        asked = [client.get(HELD_WRITES_PATH, headers={"X-Forwarded-Method": method}) for _ in range(count)]
        return await asyncio.gather(*asked)


def test_it_is_answered_at_once_outside_read_only_mode(gateway: Process) -> None:
    answer = httpx.get(f"{gateway.url}{HELD_WRITES_PATH}")
    assert (answer.status_code, answer.content) == (204, b"")


def test_nobody_waits_longer_than_the_limit(file: Path, gauge: Gauge) -> None:
    (answer,) = asyncio.run(ask(HeldWrites(file, gauge, limit_s=LIMIT_S)))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json()["errors"][0]["code"] == "UNAVAILABLE"


def test_all_go_on_when_it_ends(file: Path, gauge: Gauge) -> None:
    async def several() -> list[httpx.Response]:
        waiting = asyncio.create_task(ask(HeldWrites(file, gauge), 50))
        await asyncio.sleep(LIMIT_S)
        assert held_now(gauge) == 50
        file.unlink()
        return await waiting

    assert {answer.status_code for answer in asyncio.run(several())} == {204}
    assert held_now(gauge) == 0


def test_those_that_wait_are_refused_once_a_person_turns_it_on(file: Path, gauge: Gauge) -> None:
    async def several() -> list[httpx.Response]:
        waiting = asyncio.create_task(ask(HeldWrites(file, gauge), 3))
        await asyncio.sleep(LIMIT_S)
        write_atomic(file, "")
        return await waiting

    assert {answer.status_code for answer in asyncio.run(several())} == {405}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "this registry is read-only until its operator ends that"),
        (b"  we move house,\n\tuntil \x1b[1mMonday\n", "this registry is read-only: we move house, until [1mMonday"),
        (b"\xff" * 5_000, f"this registry is read-only: {200 * chr(0xFFFD)}"),
    ],
)
def test_a_person_s_reason_is_told_at_once(file: Path, gauge: Gauge, content: bytes, message: str) -> None:
    file.write_bytes(content)
    (answer,) = asyncio.run(ask(HeldWrites(file, gauge)))
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert "Retry-After" not in answer.headers
    (error,) = answer.json()["errors"]
    assert (error["code"], error["message"]) == ("DENIED", message)


def test_whether_a_layer_is_there_may_be_asked_then(file: Path, gauge: Gauge) -> None:
    file.write_text("we move house")
    (answer,) = asyncio.run(ask(HeldWrites(file, gauge), method="HEAD"))
    assert answer.status_code == 204


def test_a_file_that_cannot_be_read_refuses_at_once(tmp_path: Path, gauge: Gauge) -> None:
    (answer,) = asyncio.run(ask(HeldWrites(tmp_path, gauge)))  # a folder
    assert answer.status_code == 405


def test_a_client_that_goes_away_makes_room(file: Path, gauge: Gauge) -> None:
    held = HeldWrites(file, gauge)

    async def gone() -> dict[str, str]:
        await asyncio.sleep(LIMIT_S)
        return {"type": "http.disconnect"}

    async def ignored(_: object) -> None:
        pass

    async def one() -> None:
        asking = asyncio.create_task(held({"type": "http"}, gone, ignored))
        await asyncio.sleep(LIMIT_S / 2)
        assert held_now(gauge) == 1
        await asking

    began = time.monotonic()
    asyncio.run(one())
    assert held_now(gauge) == 0
    assert time.monotonic() - began < 10


def test_there_is_room_for_so_many_only(file: Path, gauge: Gauge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_writes, "MAX_HELD", 3)
    answers = asyncio.run(ask(HeldWrites(file, gauge, limit_s=LIMIT_S), 5))
    told = [answer.json()["errors"][0]["message"] for answer in answers]
    assert len([message for message in told if "too many writes are waiting" in message]) == 2
