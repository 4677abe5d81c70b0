"""`regops addresses`: what it tells people, and programs."""

from __future__ import annotations

import json
from pathlib import Path

from tests.ops.command_line import regops
from tests.ops.runs.test_task import stack_in


def test_the_address_of_the_configuration_is_told(tmp_path: Path) -> None:
    url = stack_in(tmp_path).config.url
    assert regops(tmp_path, "addresses").stdout == f"{url}\n"
    assert json.loads(regops(tmp_path, "addresses", "--json").stdout) == {"schema": 1, "url": url}
