"""Dashboards as files: rendered once, and then taken from the cache without the library that renders them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from infra.paths import PROJECT_FOLDER
from ops.core.process import run
from stack_components.monitoring import dashboard_files as files
from stack_components.monitoring.dashboards.rendering import rendered
from stack_components.monitoring.dashboards.shown import Shown
from tests.plans import DEFAULTS, EVERYTHING, plan_of

LIBRARY = "grafana_foundation_sdk"
# What the Pulumi program imports and renders, whatever its settings.
RENDERS = """
import sys
from tests.plans import plan_of
from stack_components.monitoring.component import parts
import __main__ as program
found = parts(plan_of())
print(any(name.startswith("grafana_foundation_sdk") for name in sys.modules), sorted(part.digest for part in found))
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "private-registry" / "dashboards"


def test_they_are_what_is_rendered_now() -> None:
    plan = plan_of(**EVERYTHING)
    wanted = {f"{name}.json": text for name, text in rendered(Shown.of(plan)).items()}
    assert files.dashboard_files(plan) == wanted
    assert files.dashboard_files(plan) == wanted


def test_a_program_that_finds_them_in_the_cache_does_not_import_the_library(cache: Path) -> None:
    def told() -> str:
        environment = {"XDG_CACHE_HOME": str(cache.parent.parent), "PATH": os.environ["PATH"]}
        return run([sys.executable, "-c", RENDERS], timeout=120, cwd=PROJECT_FOLDER, env=environment).stdout

    first, second = told(), told()
    assert first.startswith("True ")
    assert second == first.replace("True", "False", 1)


def test_stacks_that_show_something_else_have_entries_of_their_own(cache: Path) -> None:
    for settings in ({}, {"monitoring": {"cadvisor": False}}, DEFAULTS):
        files.dashboard_files(plan_of(**settings))
    assert len(list(cache.glob("*.json"))) == 2


def test_another_text_of_the_code_has_another_entry(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.dashboard_files(plan_of())
    monkeypatch.setattr(files, "_SOURCES", ("requirements.txt",))
    files.dashboard_files(plan_of())
    assert len(list(cache.glob("*.json"))) == 2


def test_an_entry_that_is_damaged_is_made_again(cache: Path) -> None:
    wanted = files.dashboard_files(plan_of())
    (entry,) = cache.glob("*.json")
    entry.write_text("{")
    assert files.dashboard_files(plan_of()) == wanted
    assert json.loads(entry.read_text()) == wanted


def test_entries_of_long_ago_are_removed(cache: Path) -> None:
    cache.mkdir(parents=True)
    old, young = cache / "0.json", cache / "1.json"
    old.write_text("{}")
    young.write_text("{}")
    os.utime(old, (0, 0))
    files.dashboard_files(plan_of())
    assert (old.exists(), young.exists()) == (False, True)
