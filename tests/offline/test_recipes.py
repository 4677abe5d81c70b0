"""A recipe's digest changes with all that goes into the image, and with nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from offline import recipes as subject
from offline.golang import GoProgram
from offline.recipes import BASE, RECIPES, Packages, Recipe
from offline.wheels import Wheel

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


def test_every_recipe_pins_what_it_takes() -> None:
    for recipe in RECIPES.values():
        match recipe.source:
            case GoProgram(version=version) | Wheel(version=version):
                assert version[0].isdigit(), recipe.name
            case Packages(names):
                assert names, recipe.name
