"""The secret files of logins: every registry has its own, with names that a host can read."""

from __future__ import annotations

import re

from infra.blocks.upstreams import secret_names

# Those that differ only in what a file's name does not show.
NAMES = [
    "quay.io",
    "a-b.example.com",
    "a.b.example.com",
    "a.b.example.com:5000",
    "a.b.example.com-5000",
    f"{'x' * 200}.example.com",
]


def test_each_registry_has_files_of_its_own() -> None:
    names = [name for registry in NAMES for name in secret_names(registry)]
    assert len(set(names)) == 2 * len(NAMES)
    assert [name for name in names if not re.fullmatch("[a-z0-9_]{1,64}", name)] == []


def test_the_names_never_change() -> None:
    """Files of another name would be other mounts, and replace the container."""
    assert secret_names("quay.io") == ("upstream_quay_io_271dacc9_user", "upstream_quay_io_271dacc9_token")
