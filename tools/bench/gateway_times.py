"""How many registry events the gateway accepts per second, and how long each answer takes, within its container's limits."""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import sqlite3
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stack_components.gateway.component import DATA_FOLDER, NAME, PORT
from tests.engine.stacks import TestStack
from tests.ops.gateway.gateway_rig import post_events
from tools.bench.containers import limits, peak
from tools.bench.report import Row

_CONNECTIONS = 8
_EVENTS = 2000
# A busy registry: each image for several platforms gives some ten events.
_PACE, _PACED_S = 20, 15
_NETWORK = 0x40000000  # CLONE_NEWNET of setns(2), which Python has since 3.12


def measure(stack: TestStack) -> list[Row]:
    """Send events to a stack's gateway, whose limits are in force.

    Raises:
        RuntimeError: Not all were kept.
    """
    container = stack.containers()[NAME]
    within = limits(container)
    run = secrets.token_hex(4)  # names that no run before has sent
    # The networks on which it listens have no address of this host.
    with ThreadPoolExecutor(_CONNECTIONS, initializer=_enter_network, initargs=(container.attrs["State"]["Pid"],)) as inside:

        def send(names: Sequence[str], pace_s: float = 0) -> list[float]:
            return inside.submit(_send, stack, names, pace_s).result()

        send([f"{run}-warm-{number}" for number in range(100)])
        paced = send([f"{run}-paced-{number}" for number in range(_PACE * _PACED_S)], 1 / _PACE)
        begun = time.perf_counter()
        one = send([f"{run}-one-{number}" for number in range(_EVENTS)])
        one_rate = _EVENTS / (time.perf_counter() - begun)
        shares = [[f"{run}-{own}-{number}" for number in range(_EVENTS // _CONNECTIONS)] for own in range(_CONNECTIONS)]
        begun = time.perf_counter()
        several = [seconds for share in inside.map(lambda names: _send(stack, names), shares) for seconds in share]
        several_rate = len(several) / (time.perf_counter() - begun)
    _check_kept(stack, run, 100 + len(paced) + len(one) + len(several))
    return [
        _answer(f"answer to an event, {_PACE} a second", paced),
        Row("events a second, one connection", f"as the registry sends them; {within}", "", one_rate, ""),
        _answer("answer to an event, one connection that never rests", one),
        Row(f"events a second, {_CONNECTIONS} connections", within, "", several_rate, ""),
        _answer(f"answer to an event, {_CONNECTIONS} connections that never rest", several),
        peak("memory of the gateway", container),
    ]


def _enter_network(pid: int) -> None:
    """Let this thread use the network of a process.

    Raises:
        OSError: It is not there, or this user may not.
    """
    with Path(f"/proc/{pid}/ns/net").open() as network:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(network.fileno(), _NETWORK):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _send(stack: TestStack, names: Sequence[str], pace_s: float = 0) -> list[float]:
    """Send events over one connection and return the seconds that each answer took."""
    token = (stack.root / "secrets/gateway/events-token").read_text().strip()
    seconds = []
    begun = time.perf_counter()
    answers = post_events(stack.address(NAME, "app"), PORT, names, token=token)
    for number in range(len(names)):
        time.sleep(max(0.0, begun + number * pace_s - time.perf_counter()))
        start = time.perf_counter()
        status = next(answers)
        seconds.append(time.perf_counter() - start)
        if status != 202:  # noqa: PLR2004
            raise RuntimeError(f"the gateway answered {status}")
    answers.close()
    return seconds


def _answer(what: str, seconds: Sequence[float]) -> Row:
    milliseconds = [one * 1000 for one in seconds]
    detail = f"median {statistics.median(milliseconds):.1f} ms, longest {max(milliseconds):.0f} ms"
    return Row(f"{what}: 99 of 100 within", detail, "", statistics.quantiles(milliseconds, n=100)[98], "ms")


def _check_kept(stack: TestStack, run: str, sent: int) -> None:
    database = stack.root / DATA_FOLDER / "events.db"
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        (kept,) = connection.execute("SELECT count(*) FROM events WHERE id LIKE ?", (f"{run}-%",)).fetchone()
    if kept != sent:
        raise RuntimeError(f"{kept} of {sent} events were kept")
