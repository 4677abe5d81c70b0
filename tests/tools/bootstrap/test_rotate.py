"""Rotating a secret: one `up` for each stage, in order; a run that was interrupted goes on; what is no secret is told."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from infra.blocks.rotation import Rotation, Stage
from tools.bootstrap.errors import SetupError
from tools.bootstrap.rotate import rotate, stages

ANNOUNCED, USED, DONE = (Rotation(generation=2, stage=stage) for stage in Stage)


class StandInStack:
    """A STAND-IN for a stack: it writes the settings that it is told into the file, and notes at each `up` what they say."""

    def __init__(self, config: Path) -> None:
        self.config, self.ups, self.passphrases = config, list[dict[str, object]](), 0

    def set(self, key: str, value: str) -> None:
        name, _, field = key.removeprefix('private-registry:rotation["').partition('"].')
        document = yaml.safe_load(self.config.read_text())
        rotation = document["config"].setdefault("private-registry:rotation", {})
        rotation.setdefault(name, {})[field] = int(value) if value.isdecimal() else value
        self.config.write_text(yaml.safe_dump(document))

    def up(self) -> None:
        self.ups.append(yaml.safe_load(self.config.read_text())["config"]["private-registry:rotation"])

    def passphrase(self) -> None:
        self.passphrases += 1


@pytest.fixture
def stack(tmp_path: Path) -> StandInStack:
    config = tmp_path / "Pulumi.test.yaml"
    config.write_text(
        "config:\n  private-registry:registry_user: {secure: AAAA}\n  private-registry:registry_pass: {secure: AAAA}\n"
    )
    return StandInStack(config)


@pytest.mark.parametrize(
    ("name", "present", "expected"),
    [
        ("events_token", Rotation(), [ANNOUNCED, USED, DONE]),
        ("events_token", ANNOUNCED, [ANNOUNCED, USED, DONE]),
        ("events_token", USED, [USED, DONE]),
        ("events_token", Rotation(generation=1), [ANNOUNCED, USED, DONE]),
        ("bouncer_key", Rotation(), [DONE]),
        ("password-ci", DONE, [Rotation(generation=3)]),
    ],
)
def test_a_rotation_has_its_stages_and_goes_on_where_it_was(name: str, present: Rotation, expected: list[Rotation]) -> None:
    assert list(stages(name, present)) == expected


def test_each_stage_is_brought_to_the_stack(stack: StandInStack) -> None:
    rotate(stack, ["events_token"])
    rotate(stack, ["password-ci"])
    assert [up["events_token"] for up in stack.ups] == [
        *({"generation": 2, "stage": stage} for stage in ("announced", "used", "done")),
        {"generation": 2, "stage": "done"},
    ]
    assert stack.ups[-1]["password-ci"] == {"generation": 2, "stage": "done"}


def test_the_passphrase_is_rotated_by_other_means(stack: StandInStack) -> None:
    rotate(stack, ["passphrase"])
    assert (stack.passphrases, stack.ups) == (1, [])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "name one secret, as in `make rotate NAME=events_token`: alerts_token, events_token, "),
        (["event-token"], "name one secret"),
        (["events_token", "bouncer_key"], "name one secret"),
        (["registry_pass"], r"registry_pass is set in .*: set another value with `make pulumi"),
    ],
)
def test_what_cannot_be_rotated_is_told(stack: StandInStack, words: list[str], told: str) -> None:
    with pytest.raises(SetupError, match=told):
        rotate(stack, words)
    assert stack.ups == []
