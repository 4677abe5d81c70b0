"""The table of services: what the documentation says of it, and that it fits the host it is meant for."""

from __future__ import annotations

import re

from infra.images import load_lock
from infra.paths import PROJECT_FOLDER
from infra.project import LOCK
from infra.services import SERVICES

PAGE = PROJECT_FOLDER / "docs" / "services.md"


def test_the_documentation_has_the_same_table() -> None:
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| (.*) \| `(.*)` \| ([0-9.]+) \| ([0-9]+) \|$", PAGE.read_text(), re.MULTILINE)
    table = [(n, k.purpose, k.image, f"{k.limits.cpus:g}", str(k.limits.memory_mib)) for n, k in SERVICES.items()]
    assert rows == table


def test_every_service_has_an_image_in_the_lock() -> None:
    assert {kind.image for kind in SERVICES.values()} == set(load_lock(LOCK))


def test_what_a_service_needs_comes_before_it() -> None:
    names = list(SERVICES)
    for name, kind in SERVICES.items():
        assert all(names.index(other) < names.index(name) for other in kind.needs)


def test_all_together_fit_into_the_memory_of_a_small_server() -> None:
    assert sum(kind.limits.memory_mib for kind in SERVICES.values()) < 8 * 1024
