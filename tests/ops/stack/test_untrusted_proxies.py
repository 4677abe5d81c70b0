"""Proxies that the edge does not trust, by lines as Caddy writes them; a real Caddy's are in edge/test_trusted_proxies.py."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from ops.config import ACCESS_LOG_FILE
from ops.stack.untrusted_proxies import UntrustedProxy, untrusted_proxies

HOST, LAN, OUTSIDE, OTHER = "172.18.0.1", "192.168.1.5", "8.8.8.8", "9.9.9.9"
CLIENT = "203.0.113.9"
DAY_S = 24 * 3600


def lines(
    number: int, remote: str, *, client: str = "", told: str = "X-Forwarded-For", tls: bool = False, age: float = 0
) -> list[str]:
    """Lines of requests from an address, which speaks for a client if `told` is a header's name."""
    headers = {"User-Agent": ["docker/29"], **({told: ["203.0.113.9"]} if told else {})}
    request = {"remote_ip": remote, "client_ip": client or remote, "method": "GET", "uri": "/v2/", "headers": headers}
    entry = {"ts": time.time() - age, "request": {**request, **({"tls": {"version": 772}} if tls else {})}, "status": 401}
    return [json.dumps(entry)] * number


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ([], []),
        (lines(9, HOST), [UntrustedProxy(HOST, 9, on_host=True)]),
        (lines(9, HOST, told="X-Forwarded-Proto"), [UntrustedProxy(HOST, 9, on_host=True)]),
        (lines(9, HOST, told="Forwarded"), [UntrustedProxy(HOST, 9, on_host=True)]),
        (lines(9, LAN, tls=True), [UntrustedProxy(LAN, 9, on_host=False)]),
        ([*lines(9, HOST, told=""), *lines(9, LAN, told="", tls=True)], []),
        (lines(2, HOST), []),
        (lines(9, HOST, client=CLIENT), []),
        ([*lines(9, HOST), *lines(1, HOST, client=CLIENT)], []),
        ([*lines(9, HOST, client=CLIENT), *lines(3, HOST)], [UntrustedProxy(HOST, 12, on_host=True)]),
        (lines(9, HOST, age=2 * DAY_S), []),
        (lines(20, OUTSIDE, tls=True), [UntrustedProxy(OUTSIDE, 20, on_host=False)]),
        ([*lines(20, OUTSIDE, tls=True), *lines(21, OTHER, told="", tls=True)], []),
        (lines(9, OUTSIDE, tls=True), []),
        (
            ["", "{", "[]", '{"request": {"remote_ip": "x"}}', '{"request": 5, "ts": 1}'],
            [],
        ),
    ],
)
def test_what_speaks_for_others_is_not_trusted_if_its_latest_word_was_not_believed(
    tmp_path: Path, written: list[str], found: list[UntrustedProxy]
) -> None:
    log = tmp_path / ACCESS_LOG_FILE
    log.write_text("".join(f"{line}\n" for line in written))
    assert untrusted_proxies(log) == found


def test_without_a_log_nothing_is_found(tmp_path: Path) -> None:
    assert untrusted_proxies(tmp_path / ACCESS_LOG_FILE) == []
