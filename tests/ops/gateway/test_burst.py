"""Many events at once, and a gateway that dies right after an answer: whatever it has acknowledged is there, once."""

from __future__ import annotations

import http.client
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.ops.gateway.support import SENDER, envelope, event, free_port, query, running, write_files

_CONNECTIONS, _EVENTS = 8, 1000
_LIMIT_S = 30.0
V2 = "application/vnd.docker.distribution.events.v2+json"


@pytest.fixture
def port(tmp_path: Path) -> int:
    """The port of a gateway whose files are written."""
    port = free_port()
    write_files(tmp_path, port=port)
    return port


def stored(folder: Path) -> list[str]:
    return [row[0] for row in query(folder / "events.db", "SELECT id FROM events ORDER BY seq")]


def send(port: int, names: Sequence[str]) -> Iterator[int]:
    """Send an event in each request over one connection, as the registry does, and give what is answered."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=_LIMIT_S)) as connection:
        for name in names:
            # Indented, as the registry writes them.
            body = json.dumps(json.loads(envelope(event(name))), indent=3)
            connection.request("POST", "/events", body, {**SENDER, "Content-Type": V2})
            response = connection.getresponse()
            response.read()
            yield response.status


def test_a_burst_by_eight_connections_loses_nothing_and_keeps_nothing_twice(tmp_path: Path, port: int) -> None:
    names = [f"e{number}" for number in range(_EVENTS)]
    # Each connection sends its own, and every tenth of its neighbour's at the same time.
    shares = [
        sorted({*names[own::_CONNECTIONS], *names[(own + 1) % _CONNECTIONS :: _CONNECTIONS][::10]}) for own in range(_CONNECTIONS)
    ]
    assert sum(map(len, shares)) > _EVENTS + 100
    with running(tmp_path, port) as gateway, ThreadPoolExecutor(_CONNECTIONS) as threads:
        answers = list(threads.map(lambda share: list(send(port, share)), shares))
        gateway.process.kill()
        gateway.process.wait()
    assert {status for answered in answers for status in answered} == {202}
    assert Counter(stored(tmp_path)) == Counter(names)


def test_an_event_is_there_when_the_gateway_dies_right_after_its_answer(tmp_path: Path, port: int) -> None:
    for number in range(3):
        with running(tmp_path, port) as gateway:
            assert list(send(port, [f"e{number}"])) == [202]
            gateway.process.kill()
            gateway.process.wait()
        assert stored(tmp_path) == [f"e{before}" for before in range(number + 1)]


def test_what_was_acknowledged_before_a_restart_is_known_after_it(tmp_path: Path, port: int) -> None:
    for _ in range(2):
        with running(tmp_path, port) as gateway:
            assert list(send(port, ["a", "b"])) == [202, 202]
            assert gateway.end() == 0
    assert stored(tmp_path) == ["a", "b"]
