"""The container as it is declared, with CrowdSec's own start script: what it may do suffices, and keys can be changed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack_components import access_log
from tests.stack_components.protection.container import USER, Stack, stack_below, wait_until

pytestmark = pytest.mark.system

ALLOWED, SCANNER = "198.51.100.7", "203.0.113.7"


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with stack_below(tmp_path) as stack:
        yield stack


def requests_of(address: str) -> str:
    """What Caddy logs when somebody looks for a WordPress."""
    client = {"remote_ip": address, "client_ip": address, "proto": "HTTP/2.0", "method": "GET", "host": "registry.example.com"}
    lines = [
        {"ts": time.time(), "request": {**client, "uri": f"/wp-{number}/setup.php", "headers": {}}, "status": 404}
        for number in range(20)
    ]
    return "".join(f"{json.dumps(line)}\n" for line in lines)


def test_a_scanner_in_the_edges_log_is_banned_unless_its_network_is_allowed(stack: Stack) -> None:
    stack.set_key("the-edges-key")
    with stack.running() as crowdsec:
        log = stack.root / access_log.FOLDER / "access.log"
        log.touch(mode=0o640)
        os.chown(log, *USER)
        # It is healthy some seconds before it reads, and then begins at the end.
        wait_until(lambda: "Starting tail" in crowdsec.log, lambda: crowdsec.log)
        with log.open("a") as file:
            file.write(requests_of(ALLOWED))
            file.write(requests_of(SCANNER))
        # A locked database it tells as a wrong key, for a moment: whoever asks once may hear that.
        wait_until(lambda: crowdsec.banned("the-edges-key") == [SCANNER], lambda: crowdsec.log)
        assert "cs_active_decisions" in crowdsec.get("/metrics", port=6060).text


def test_a_new_key_takes_the_place_of_the_old_one(stack: Stack) -> None:
    stack.set_key("the-first-key")
    with stack.running() as crowdsec:
        wait_until(lambda: crowdsec.get("/v1/decisions", key="the-first-key").status_code == 200, lambda: crowdsec.log)
        assert crowdsec.get("/v1/decisions", key="another-key").status_code == 403
    stack.set_key("the-second-key")
    with stack.running() as crowdsec:
        wait_until(lambda: crowdsec.get("/v1/decisions", key="the-second-key").status_code == 200, lambda: crowdsec.log)
        assert crowdsec.get("/v1/decisions", key="the-first-key").status_code == 403
