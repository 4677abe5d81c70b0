"""The threat model (docs/threat-model.md) names tests that exist, and one for each thing that it says is held off."""

from __future__ import annotations

import ast
import re

import pytest

from infra.paths import PROJECT_FOLDER

TEXT = (PROJECT_FOLDER / "docs" / "threat-model.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py(?:::\w+)?)`", TEXT)))
ROWS = [line for line in TEXT.splitlines() if line.startswith("| ") and not line.startswith("| tries ")]


def test_there_is_something_to_compare() -> None:
    assert len(NAMED) > 40
    assert len(ROWS) > 20


@pytest.mark.parametrize("name", NAMED)
def test_what_it_names_exists(name: str) -> None:
    path, _, function = name.partition("::")
    tree = ast.parse((PROJECT_FOLDER / path).read_text())
    functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert not function or function in functions
    assert any(one.startswith("test_") for one in functions)


@pytest.mark.parametrize("row", ROWS)
def test_every_row_names_a_test(row: str) -> None:
    *_, shown, _ = row.split("|")
    assert re.search(r"`tests/[\w/]+\.py", shown)


def test_whoever_reports_a_hole_finds_it() -> None:
    assert "](docs/threat-model.md)" in (PROJECT_FOLDER / "SECURITY.md").read_text()
    assert "](docs/threat-model.md)" in (PROJECT_FOLDER / "README.md").read_text()
