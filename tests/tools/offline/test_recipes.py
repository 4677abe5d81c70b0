"""A recipe's digest changes with all that goes into the image, and with nothing else."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tools.offline import recipes as subject
from tools.offline.golang import GoProgram
from tools.offline.recipes import BASE, RECIPES, Packages, Recipe
from tools.offline.wheels import Wheel

REGISTRY = RECIPES["registry"]


def test_the_digest_of_the_same_recipe_is_the_same() -> None:
    assert replace(REGISTRY).digest == REGISTRY.digest


@pytest.mark.parametrize(
    "changed",
    [
        replace(REGISTRY, name="other"),
        replace(REGISTRY, entrypoint=()),
        replace(REGISTRY, environment=()),
        replace(REGISTRY, source=replace(subject._DISTRIBUTION, version="3.1.1")),
        replace(REGISTRY, source=replace(subject._DISTRIBUTION, variables={})),
        replace(REGISTRY, source=Packages(("docker-registry",))),
    ],
)
def test_a_changed_recipe_has_another_digest(changed: Recipe) -> None:
    assert changed.digest != REGISTRY.digest


@pytest.mark.parametrize(
    "base",
    [
        replace(BASE, packages=("busybox",)),
        replace(BASE, links=()),
        replace(BASE, suite="forky"),
        replace(BASE, left_out=()),
        replace(BASE, clean_up=()),
        replace(BASE, source_date_epoch=0),
    ],
)
def test_a_changed_base_changes_every_digest(base: object, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {name: recipe.digest for name, recipe in RECIPES.items()}
    monkeypatch.setattr(subject, "BASE", base)
    assert all(recipe.digest != before[name] for name, recipe in RECIPES.items())


def test_a_program_is_where_the_entrypoint_has_it() -> None:
    assert RECIPES["node_exporter"].path_of("node_exporter") == "/usr/local/bin/node_exporter"
    assert RECIPES["redis_exporter"].path_of("redis_exporter") == "/redis_exporter"


def test_a_recipe_names_the_version_of_a_program_and_the_suite_alone_of_packages() -> None:
    for recipe in RECIPES.values():
        match recipe.source:
            case GoProgram(version=version) | Wheel(version=version):
                assert re.fullmatch(r"\d+\.\d+\.\d+", version), recipe.name
            case Packages(names):
                # The suite decides, and its updates come at the next build.
                assert [name for name in names if not re.fullmatch(r"[a-z0-9][a-z0-9.+-]+", name)] == [], recipe.name
    assert BASE.suite == "trixie"
