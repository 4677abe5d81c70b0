"""States that updates lead to, and inputs that a state describes."""

from __future__ import annotations

from tools.offline.plugins.docker.container_table import SCHEMA
from tools.offline.plugins.state import inputs_after_read, normal, planned, preview_state
from tools.offline.plugins.values import UNKNOWN, Properties

STATE: Properties = {"image": "i", "name": "n", "hostname": "h", "command": ["a"], "memory": 64, "dns": [], "exitCode": None}


def test_an_update_keeps_what_the_program_does_not_give_where_docker_fills_it_in() -> None:
    state = planned(SCHEMA, STATE, {"image": "i", "name": "n"})
    assert (state["hostname"], state["command"], state["memory"], state["dns"]) == ("h", ["a"], None, [])


def test_a_preview_knows_the_inputs_and_nothing_that_docker_fills_in() -> None:
    state = preview_state(SCHEMA, {"image": "i", "hostname": "h", "cpus": UNKNOWN})
    assert (state["image"], state["hostname"], state["cpus"]) == ("i", "h", UNKNOWN)
    assert state["networkDatas"] is UNKNOWN
    assert state["command"] is UNKNOWN
    assert state["memory"] is None


def test_sets_have_one_order_and_objects_all_fields() -> None:
    one = normal(SCHEMA["mounts"], [{"type": "bind", "target": "/b"}, {"type": "bind", "target": "/a", "readOnly": True}])
    two = normal(SCHEMA["mounts"], [{"target": "/a", "type": "bind", "readOnly": True}, {"target": "/b", "type": "bind"}])
    assert one == two
    assert {"type": "bind", "target": "/b", "source": "", "readOnly": False} in one


def test_inputs_that_still_hold_stay_as_the_program_wrote_them() -> None:
    inputs = {"image": "i", "envs": ["b", "a"], "memory": 64, "mustRun": True, "__defaults": ["mustRun"]}
    assert inputs_after_read(SCHEMA, inputs, {**STATE, "envs": ["a", "b"], "mustRun": True}) == inputs


def test_inputs_that_do_not_hold_any_more_become_what_was_read() -> None:
    inputs = {"image": "i", "memory": 64, "mustRun": True, "__defaults": ["mustRun"]}
    read = inputs_after_read(SCHEMA, inputs, {**STATE, "memory": 96, "mustRun": False})
    assert read == {"image": "i", "memory": 96, "mustRun": False, "__defaults": []}


def test_an_import_takes_all_that_is_set() -> None:
    assert inputs_after_read(SCHEMA, {}, {**STATE, "exitCode": 3, "bridge": "b"}) == {
        "image": "i",
        "name": "n",
        "hostname": "h",
        "command": ["a"],
        "memory": 64,
        "__defaults": [],
    }
