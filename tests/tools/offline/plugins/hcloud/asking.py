"""Asks a plugin about the cases, and says what it answered and what it asked the API."""

from __future__ import annotations

from typing import Any

from tests.tools.offline.plugins.client import Answer, Client, Refused, without_bridge
from tests.tools.offline.plugins.hcloud.world import World, spelled
from tests.tools.offline.plugins.official.cases import Base, Change, Inputs, changed
from tools.offline.plugins.values import UNKNOWN, Properties, is_known, reveal


def ask_check(client: Client, kind: str, inputs: Inputs) -> Any:
    """Return the checked inputs and the reasons against them; the official plugin answers some faults with an error."""
    try:
        checked, failures = client.check(kind, inputs)
    except Refused as error:
        return {"inputs": {}, "failures": [str(error)]}
    return {"inputs": _plain(checked), "failures": sorted(failures)}


def ask_life(client: Client, world: World, base: Base) -> Any:
    """Make a resource, read it and delete it."""
    inputs, made, asked = _make(client, world, base)
    preview = client.create(base.kind, inputs, preview=True).state
    world.requests()
    found = client.read(base.kind, made.identifier, made.state, inputs)
    assert found is not None
    read = world.requests()
    error = _deleted(client, base.kind, made)
    deletion = world.requests()
    there = client.read(base.kind, made.identifier, made.state, inputs) is not None
    return {
        "id": made.identifier,
        "created": asked,
        "state": told(made.state),
        # Outputs that only a real run knows have to be unknown in a preview.
        "unknown": sorted(name for name, value in preview.items() if value is UNKNOWN and name not in {"id", "applyTos"}),
        "read": read,
        "same": told(found[0].state) == told(made.state),
        "deletion": deletion,
        "error": error,
        "there": there,
    }


def ask_change(client: Client, world: World, base: Base, change: Change) -> Any:
    """Make a resource, compare it with other inputs, and change it if that can be done in place."""
    inputs, made, _ = _make(client, world, base)
    news, failures = client.check(base.kind, changed(base.inputs, change), inputs)
    assert not failures, failures
    difference = client.diff(base.kind, made.state, inputs, news)
    del difference["detailed"]
    answer: Properties = {"difference": difference}
    if difference["changed"] and not difference["replaces"] and is_known(news):
        try:
            state = client.update(base.kind, made.identifier, made.state, inputs, news)
        except Refused as error:
            answer["error"] = _gist(str(error))
        else:
            answer["state"] = told(state)
        answer["asked"] = world.requests()
    return answer


def told(state: Properties) -> Any:
    """Return a state with one spelling of each value."""
    return spelled(reveal(without_bridge(state)))


def _make(client: Client, world: World, base: Base) -> tuple[Properties, Answer, list[list[Any]]]:
    world.reset()
    inputs, failures = client.check(base.kind, base.inputs)
    assert not failures, failures
    if "name" in inputs and "name" not in base.inputs:
        # Each plugin has its own way to make up a name.
        inputs["name"] = "n"
    made = client.create(base.kind, inputs)
    assert made.error == ""
    return inputs, made, world.requests()


def _deleted(client: Client, kind: str, made: Answer) -> str:
    try:
        client.delete(kind, made.identifier, made.state)
    except Refused as error:
        return _gist(str(error))
    return ""


def _gist(error: str) -> str:
    """Return what an error says, without the words around it and what only some clients know."""
    lines = (line.strip(" \t*") for line in error.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith(("Error code", "Status code")))


def _plain(checked: Properties) -> Any:
    match checked:
        case dict():
            return {key: _plain(value) for key, value in checked.items() if key not in {"__defaults", "name"}}
        case list():
            return [_plain(item) for item in checked]
    return checked
