"""The stand-in answers what the official plugin answered, and asks the API what that asked: see record.py."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.tools.offline.plugins.client import Client
from tests.tools.offline.plugins.hcloud.asking import ask_change, ask_check, ask_life
from tests.tools.offline.plugins.hcloud.cases import BASES, CHECKS
from tests.tools.offline.plugins.hcloud.world import FILE, World
from tests.tools.offline.plugins.official.answers import load
from tests.tools.offline.plugins.official.cases import Base, Change, Inputs

OFFICIAL = load(FILE)
_LIVES = [
    pytest.param(base, said["life"], id=f"{base.kind.rpartition(':')[2]}-{index}")
    for index, (base, said) in enumerate(zip(BASES, OFFICIAL["bases"], strict=True))
]
_CHANGES = [
    pytest.param(base, change, answer, id=f"{base.kind.rpartition(':')[2]}-{index}-{number}-{'-'.join(change) or 'same'}")
    for index, (base, said) in enumerate(zip(BASES, OFFICIAL["bases"], strict=True))
    for number, (change, answer) in enumerate(zip(base.changes, said["changes"], strict=True))
]


@pytest.mark.parametrize(
    ("kind", "inputs", "said"),
    [
        pytest.param(kind, inputs, said, id=f"{kind.rpartition(':')[2]}-{'-'.join(inputs)}-{number}")
        for number, ((kind, inputs), said) in enumerate(zip(CHECKS, OFFICIAL["checks"], strict=True))
    ],
)
def test_what_the_official_plugin_refuses_is_refused(client: Client, kind: str, inputs: Inputs, said: Any) -> None:
    answer = ask_check(client, kind, inputs)
    assert bool(answer["failures"]) == bool(said["failures"])
    if said["failures"]:
        # Some of the official plugin's words are errors that name no property.
        assert _subjects(said["failures"]) <= _subjects(answer["failures"])
    else:
        assert answer["inputs"] == said["inputs"]


@pytest.mark.parametrize(("base", "said"), _LIVES)
def test_a_resource_lives_like_an_official_one(client: Client, emulated: World, base: Base, said: Any) -> None:
    assert ask_life(client, emulated, base) == said


@pytest.mark.parametrize(("base", "change", "said"), _CHANGES)
def test_a_change_is_one_of_the_official_plugin(client: Client, emulated: World, base: Base, change: Change, said: Any) -> None:
    assert ask_change(client, emulated, base, change) == said


def _subjects(failures: list[str]) -> set[str]:
    return {name for failure in failures for name in re.findall(r"Examine values at '(\w+\.\w+)", failure)}
