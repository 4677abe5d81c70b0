"""What is beside the recorded answers: what the stand-in does not cover is refused, never ignored."""

from __future__ import annotations

import pytest

from tools.offline.plugins.check import check
from tools.offline.plugins.docker.container_table import SCHEMA
from tools.offline.plugins.values import Properties

NOT_COVERED = sorted(name for name, known in SCHEMA.items() if not known.covered)


def _reasons(**inputs: object) -> list[str]:
    return [fault.reason for fault in check(SCHEMA, "box", {"image": "i", **inputs}, {}, "box-1").failures]


@pytest.mark.parametrize("name", NOT_COVERED)
def test_what_is_not_covered_is_refused(name: str) -> None:
    (reason,) = _reasons(**{name: ["x"]})
    assert (
        reason
        == f"`{name}` is not covered by the stand-in plugin, though the official one has it. Examine values at 'box.{name}'."
    )


def test_within_an_object_too() -> None:
    (reason,) = _reasons(mounts=[{"type": "bind", "target": "/a", "bindOptions": {"propagation": "shared"}}])
    assert "Examine values at 'box.mounts[0].bindOptions'" in reason


@pytest.mark.parametrize("name", ["attach", "logs"])
def test_what_is_covered_in_part_is_refused_beyond_it(name: str) -> None:
    assert _reasons(**{name: False}) == []
    (reason,) = _reasons(**{name: True})
    assert reason.startswith("True is not covered by the stand-in plugin, only False is.")


def test_a_published_port_has_to_be_chosen() -> None:
    (reason,) = _reasons(ports=[{"internal": 80}])
    assert '"external" is required' in reason


def test_every_fault_is_told_at_once() -> None:
    assert len(_reasons(memory=-1, unheard=1, restart="x", gpus="all")) == 4


@pytest.mark.parametrize(
    ("olds", "proposed", "name"), [({}, "box-1", "box-1"), ({"name": "old"}, "box-1", "old"), ({}, "", None)]
)
def test_a_name_is_chosen_once(olds: Properties, proposed: str, name: str | None) -> None:
    checked = check(SCHEMA, "box", {"image": "i"}, olds, proposed)
    assert checked.inputs.get("name") == name
    assert bool(checked.failures) == (name is None)
