"""The line of a rehearsal: what goes through, and what is left of it when it is cut."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from ops.tasks.rehearse.relay import Relay


@pytest.fixture
def line() -> Iterator[Relay]:
    """A line to a server that says back what it hears."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_say_back, args=(server,), daemon=True).start()
        with Relay(f"127.0.0.1:{server.getsockname()[1]}").running() as line:
            yield line


def _say_back(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return  # the test is over
        with connection:
            try:
                while heard := connection.recv(1 << 16):
                    connection.sendall(heard)
            except ConnectionError:
                pass


def connected(line: Relay) -> closing[socket.socket]:
    return closing(socket.create_connection(("127.0.0.1", line.port), 20))


def answers(line: Relay, said: bytes = b"hello") -> bytes:
    heard = b""
    with connected(line) as connection:
        connection.sendall(said)
        while len(heard) < len(said) and (more := connection.recv(1 << 16)):
            heard += more
    return heard


def test_it_passes_on_what_is_said_both_ways(line: Relay) -> None:
    large = bytes(range(256)) * 500
    assert answers(line, large) == large


def test_cut_at_once_it_resets_what_is_open_and_what_comes(line: Relay) -> None:
    with connected(line) as connection:
        connection.sendall(b"before")
        assert connection.recv(6) == b"before"
        with line.cut():
            with pytest.raises(ConnectionError):
                connection.recv(1)
            with pytest.raises(ConnectionError):
                answers(line)
    assert answers(line) == b"hello"


def test_cut_half_way_it_passes_on_so_many_bytes_and_no_more(line: Relay) -> None:
    with line.cut(after=8):
        with connected(line) as connection:
            connection.sendall(b"hello")
            assert connection.recv(3) == b"hel"  # five went, and three came back
            with pytest.raises(ConnectionError):
                connection.recv(1)
        with pytest.raises(ConnectionError):
            answers(line)


def test_cut_for_a_moment_it_passes_on_what_comes_later(line: Relay) -> None:
    with line.cut(after=8, recovers=True):
        with pytest.raises(ConnectionError):
            answers(line)
        assert answers(line) == b"hello"


def test_it_goes_where_it_is_told_to(line: Relay) -> None:
    with Relay("127.0.0.1:1").running() as other:  # where nobody is
        with connected(other) as connection:
            assert connection.recv(1) == b""
        other.to = line.address
        assert answers(other) == b"hello"
