"""Many events at once, and a gateway that dies right after an answer: whatever it has acknowledged is there, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.free_ports import free_port
from tests.ops.gateway.gateway_rig import post_events, query, running, write_files

_CONNECTIONS, _EVENTS = 8, 1000


@pytest.fixture
def port(tmp_path: Path) -> int:
    """The port of a gateway whose files are written."""
    port = free_port()
    write_files(tmp_path, port=port)
    return port


def stored(folder: Path) -> list[str]:
    return [row[0] for row in query(folder / "events.db", "SELECT id FROM events ORDER BY seq")]


def send(port: int, names: Sequence[str]) -> list[int]:
    return list(post_events("127.0.0.1", port, names))


def test_a_burst_by_eight_connections_loses_nothing_and_keeps_nothing_twice(tmp_path: Path, port: int) -> None:
    names = [f"e{number}" for number in range(_EVENTS)]
    # Each connection sends its own, and every tenth of its neighbour's at the same time.
    shares = [
        sorted({*names[own::_CONNECTIONS], *names[(own + 1) % _CONNECTIONS :: _CONNECTIONS][::10]}) for own in range(_CONNECTIONS)
    ]
    assert sum(map(len, shares)) > _EVENTS + 100
    with running(tmp_path, port) as gateway, ThreadPoolExecutor(_CONNECTIONS) as threads:
        answers = list(threads.map(lambda share: send(port, share), shares))
        gateway.process.kill()
        gateway.process.wait()
    assert {status for answered in answers for status in answered} == {202}
    assert Counter(stored(tmp_path)) == Counter(names)


def test_an_event_is_there_when_the_gateway_dies_right_after_its_answer(tmp_path: Path, port: int) -> None:
    for number in range(3):
        with running(tmp_path, port) as gateway:
            assert send(port, [f"e{number}"]) == [202]
            gateway.process.kill()
            gateway.process.wait()
        assert stored(tmp_path) == [f"e{before}" for before in range(number + 1)]


def test_what_was_acknowledged_before_a_restart_is_known_after_it(tmp_path: Path, port: int) -> None:
    for _ in range(2):
        with running(tmp_path, port) as gateway:
            assert send(port, ["a", "b"]) == [202, 202]
            assert gateway.end() == 0
    assert stored(tmp_path) == ["a", "b"]
