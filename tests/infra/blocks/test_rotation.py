"""Rotation: which generation is used and which is accepted at each stage, and what cannot be rotated."""

from __future__ import annotations

from typing import Any

import pytest

from infra.blocks.rotation import AT_ONCE, LOGIN_KEY, OVERLAPPING, Rotation, Stage
from infra.secrets import INTERNAL, SECRETS
from infra.settings import SettingsError, parse

CI = {"accounts": [{"name": "ci", "access": [{"repositories": "ci/**", "actions": ["pull"]}]}]}


@pytest.mark.parametrize(("stage", "used", "also"), [(Stage.ANNOUNCED, 2, 3), (Stage.USED, 3, 2), (Stage.DONE, 3, None)], ids=str)
def test_the_new_one_is_accepted_before_it_is_used_and_the_old_one_until_nobody_uses_it(
    stage: Stage, used: int, also: int | None
) -> None:
    rotation = Rotation(generation=3, stage=stage)
    assert (rotation.used, rotation.also_accepted) == (used, also)


def test_what_can_be_rotated_exists() -> None:
    assert {*OVERLAPPING, *AT_ONCE} - {LOGIN_KEY} <= {*SECRETS, *INTERNAL}


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ({"rotation": {"event_token": {"generation": 2}}}, "rotation: event_token is no secret that can be rotated; those are "),
        (
            {"rotation": {"grafana_secret_key": {"generation": 2}}},
            "rotation: grafana_secret_key is no secret that can be rotated",
        ),
        ({"rotation": {"bouncer_key": {"generation": 2, "stage": "used"}}}, "rotation: bouncer_key is rotated at once, "),
        (
            {"rotation": {"events_token": {"generation": 1, "stage": "used"}}},
            "rotation.events_token: generation 1 is the first, ",
        ),
        ({"rotation": {"events_token": {"generation": 0}}}, "rotation.events_token.generation: "),
        (
            {"rotation": {"password-other": {"generation": 2}}, **CI},
            "rotation: password-other: there is no account of that name; ",
        ),
        (
            {"rotation": {"registry_pass": {"generation": 2}}, "registry_pass": "of my own, long"},
            "rotation: registry_pass is set in this stack's configuration: ",
        ),
    ],
)
def test_what_would_rotate_nothing_is_refused(raw: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse(raw, stack="test")
    assert refused.value.problems[0].startswith(told)


def test_generated_secrets_and_passwords_of_accounts_can_be_rotated() -> None:
    rotation = {name: {"generation": 2} for name in (*OVERLAPPING, *AT_ONCE, "password-ci")}
    settings = parse({"rotation": rotation, **CI}, stack="test")
    assert settings.rotation_of("password-ci").generation == 2
    assert settings.rotation_of("password_salt").generation == 1
