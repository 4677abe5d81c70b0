"""Regular expressions of retention rules as Lua writes them."""

from __future__ import annotations

import pytest

from stack_components.sync.retention import lua_patterns


@pytest.mark.parametrize(
    ("expression", "patterns"),
    [
        ("latest", ["^latest$"]),
        (r"ci-\d+", [r"^ci%-%d+$"]),
        (r"v\d+\.\d+|pr-.*", [r"^v%d+%.%d+$", "^pr%-.*$"]),
        ("a.c?", ["^a.c?$"]),
        (r"\w\-\.", ["^[%w_]%-%.$"]),
        (r"[a-f\d._-]+", ["^[a-f%d%._%-]+$"]),
        (r"[^a-c\w]", ["^[^a-c%w_]$"]),
        ("[-a]", ["^[%-a]$"]),
        ("x{3}", ["^xxx$"]),
        ("[ab]{1,3}", ["^[ab][ab]?[ab]?$"]),
        (r"\d{2,}y", ["^%d%d%d*y$"]),
        ("a{0}b{0,1}", ["^b?$"]),
    ],
)
def test_an_expression_is_written_in_lua(expression: str, patterns: list[str]) -> None:
    assert lua_patterns(expression) == patterns
