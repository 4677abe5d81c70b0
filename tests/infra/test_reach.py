"""The address that clients use, and the way this host takes to it."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import pytest

from infra.reach import AUTHORITY, Reach, reach
from infra.settings import parse
from stack_components.edge.component import DATA_FOLDER

ROOT = PurePosixPath("/srv/x")
CA = ROOT / AUTHORITY
SERVER = {"place": "hetzner", "registry_host": "registry.example.com"}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({}, Reach("http://localhost:8080", {"localhost": "127.0.0.1"})),
        ({"edge": {"bind": "127.0.0.9", "http_port": 81}}, Reach("http://localhost:81", {"localhost": "127.0.0.9"})),
        ({"edge": {"bind": "192.0.2.7"}}, Reach("https://192.0.2.7:8443", {"192.0.2.7": "192.0.2.7"}, CA)),
        (
            {"registry_host": "reg.lan:8443", "edge": {"bind": "0.0.0.0"}},  # noqa: S104
            Reach("https://reg.lan:8443", {"reg.lan": "127.0.0.1"}, CA),
        ),
        ({"registry_host": "reg.example.com"}, Reach("https://reg.example.com")),
        (SERVER, Reach("https://registry.example.com")),
        (
            {**SERVER, "edge": {"tls": "internal"}},
            Reach("https://registry.example.com", {"registry.example.com": "127.0.0.1"}, CA),
        ),
    ],
    ids=["local", "another port", "another address", "all addresses", "a proxy in front", "public", "a server's own authority"],
)
def test_the_address_and_the_way_to_it(raw: dict[str, Any], expected: Reach) -> None:
    assert reach(parse(raw, stack="test"), ROOT) == expected


def test_the_authority_is_where_the_edge_keeps_it() -> None:
    assert f"{DATA_FOLDER}/pki/authorities/local/root.crt" == AUTHORITY
