"""What `make bench` can be asked for."""

from __future__ import annotations

import re

from infra.paths import PROJECT_FOLDER
from tools.bench.__main__ import ALONE


def test_the_help_of_make_names_what_can_be_measured_by_itself() -> None:
    named = re.findall(r"ONLY=([a-z|]+)", (PROJECT_FOLDER / "Makefile").read_text())
    assert [names.split("|") for names in named] == [sorted(ALONE)]
