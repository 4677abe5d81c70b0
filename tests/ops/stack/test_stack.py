"""What notifications call a registry: by the secret that its configuration names, and by the stack's name otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.config import REGOPS_FILE, RegopsConfig, render
from ops.core.files import write_atomic
from ops.stack.stack import Stack


@pytest.mark.parametrize(
    ("secret", "content", "name"),
    [
        (None, "generated", "prod"),
        ("identifier", "The Smiths' registry\n", "The Smiths' registry"),
        ("identifier", " \n", "prod"),
        ("identifier", None, "prod"),
    ],
    ids=["none", "named", "empty", "unreadable"],
)
def test_a_registry_is_named_by_its_identifier(tmp_path: Path, secret: str | None, content: str | None, name: str) -> None:
    config = RegopsConfig(stack="prod", url="http://localhost", data="data", identifier_secret=secret)
    write_atomic(tmp_path / "current" / REGOPS_FILE, render(config))
    if content is not None:
        write_atomic(tmp_path / "secrets/identifier", content, mode=0o600)
    assert Stack(tmp_path).display_name == name
