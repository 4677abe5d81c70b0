"""The recipes of CONTRIBUTING.md, followed to the letter in a copy of the repository: checks pass, and see what is left out."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from ops.core.process import Completed, run
from tests.checkouts import copy_to, with_packages
from tests.recipes import PAGE, recipes

RECIPES = recipes()
# One line of each without which a stranger's change would be only half of one.
LEFT_OUT = {"Add a service": 5, "Add a verb to `regops`": 3, "Add a setting": 4, "Add an alert": 4}
_LIMIT_S = 600


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    copy_to(tmp_path / "copy")
    with_packages(tmp_path / "copy")
    return tmp_path / "copy"


def checked(copy: Path) -> Completed:
    """Run the checks of all recipes, at once: what takes time is their start."""
    words = [word for recipe in RECIPES.values() for word in recipe.check]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [".venv/bin/python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=line", *words]
    return run(command, timeout=_LIMIT_S, cwd=copy, env=environment, check=False)


def test_there_are_four_of_ten_lines_at_most() -> None:
    assert set(RECIPES) == set(LEFT_OUT)
    assert all(3 < len(recipe.steps) <= 10 for recipe in RECIPES.values())
    assert "### Add an alert" in PAGE.read_text()


@pytest.mark.system
def test_whoever_follows_them_has_a_change_that_is_whole(copy: Path) -> None:
    for recipe in RECIPES.values():
        recipe.follow(copy)
    run(["make", "format"], timeout=_LIMIT_S, cwd=copy, env={**os.environ, "PYTHON": sys.executable})
    run([".venv/bin/ruff", "check", "--quiet", "."], timeout=_LIMIT_S, cwd=copy)
    done = checked(copy)
    assert done.returncode == 0, done.stdout


@pytest.mark.system
def test_a_line_that_is_left_out_is_seen_by_the_check_of_its_recipe(copy: Path) -> None:
    for name, recipe in RECIPES.items():
        recipe.follow(copy, without=LEFT_OUT[name])
    failed = set(re.findall(r"^FAILED ([^: ]+)", checked(copy).stdout, re.MULTILINE))
    seen = {name: failed & {word.partition("::")[0] for word in recipe.check} for name, recipe in RECIPES.items()}
    assert [name for name, files in seen.items() if not files] == []
    assert len(set.union(*seen.values())) == len(RECIPES)  # each by its own
