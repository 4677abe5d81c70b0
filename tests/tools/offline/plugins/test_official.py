"""The stand-ins answer what the official plugins answered: see official/record.py."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tools.offline.plugins.client import COMMAND, CONTAINER, IMAGE, NETWORK, Client, Refused, running
from tests.tools.offline.plugins.official.answers import load
from tests.tools.offline.plugins.official.cases import BASES, CHECKS, NAME, RUNS, Base, changed
from tools.offline.plugins.values import Properties, reveal
from tools.offline.plugins.version import plugin_version

OFFICIAL = load()
_CHOSEN = "-[0-9a-f]{7}$"
# In these the official plugin names other paths below the property; what follows from the difference is the same.
_BLURRED = ("ports", "networksAdvanced", "ipamConfigs")
_CHANGES = [
    pytest.param(base, answer, change, said, id=f"{base.kind.rpartition(':')[2]}-{index}-{'-'.join(change) or 'same'}")
    for base, answer in zip(BASES, OFFICIAL["bases"], strict=True)
    for index, (change, said) in enumerate(zip(base.changes, answer["changes"], strict=True))
]


@pytest.fixture(scope="module")
def clients(home: Path) -> Iterator[dict[str, Client]]:
    folders = {name: home / "plugins" / f"resource-{name}-v{plugin_version(name)}" for name in ("docker", "command")}
    with (
        running(folders["docker"] / "pulumi-resource-docker") as docker,
        running(folders["command"] / "pulumi-resource-command") as command,
    ):
        docker.configure()
        command.configure()
        yield {"docker": docker, "command": command}


@pytest.fixture(scope="module")
def command(clients: dict[str, Client]) -> Client:
    return clients["command"]


@pytest.mark.parametrize(
    ("kind", "inputs", "said"),
    [(*case, said) for case, said in zip(CHECKS, OFFICIAL["checks"], strict=True)],
    ids=lambda value: (
        value.rpartition(":")[2] if isinstance(value, str) else "-".join(sorted(value)) if isinstance(value, dict) else None
    ),
)
def test_checks(kind: str, inputs: Properties, said: Any, clients: dict[str, Client]) -> None:
    checked, failures = clients[kind.partition(":")[0]].check(kind, inputs)
    assert {_gist(failure) for failure in failures} == {_gist(failure) for failure in said["failures"]}
    assert _comparable(checked) == _comparable(said["inputs"])


@pytest.mark.parametrize(("base", "answer", "change", "said"), _CHANGES)
def test_differences(base: Base, answer: Any, change: Properties, said: Any, clients: dict[str, Client]) -> None:
    client = clients[base.kind.partition(":")[0]]
    news, failures = client.check(base.kind, changed(base.inputs, change), answer["inputs"])
    assert failures == []
    found = client.diff(base.kind, answer["state"], answer["inputs"], news)
    blurred = found["diffs"] and found["diffs"][0] in _BLURRED
    drop = {"detailed"} if blurred else set()
    assert {key: found[key] for key in found.keys() - drop} == {key: said[key] for key in said.keys() - drop}


@pytest.mark.parametrize(("inputs", "updated", "said"), [(*run, said) for run, said in zip(RUNS, OFFICIAL["runs"], strict=True)])
def test_commands(inputs: Properties, updated: Properties | None, said: Any, command: Client) -> None:
    assert _run(command, inputs, updated) == said


@pytest.mark.system
def test_a_container_is_what_the_official_plugin_made(clients: dict[str, Client], image: str, own: str) -> None:
    (base, answer) = next(pair for pair in zip(BASES, OFFICIAL["bases"], strict=True) if pair[0].kind == CONTAINER)
    # Without what has to be free on this machine.
    left_out = ("ports", "networksAdvanced")
    change = {"image": image, "name": own, "mounts": _mounts(base, own), "networkMode": "none", **dict.fromkeys(left_out)}
    inputs, _ = clients["docker"].check(CONTAINER, changed(base.inputs, change))
    made = clients["docker"].create(CONTAINER, inputs)
    assert made.error == ""
    differing = {"id", "networkDatas", *change}
    assert _state(made.state, differing) == _state(answer["state"], differing)
    assert _mounted(made.state, own) == _mounted(answer["state"], NAME)
    clients["docker"].delete(CONTAINER, made.identifier, made.state)


@pytest.mark.system
@pytest.mark.parametrize("kind", [NETWORK, IMAGE])
def test_other_resources_are_what_the_official_plugin_made(kind: str, clients: dict[str, Client], image: str, own: str) -> None:
    (base, answer) = next(pair for pair in zip(BASES, OFFICIAL["bases"], strict=True) if pair[0].kind == kind)
    change = {"name": image if kind == IMAGE else own, "ipamConfigs": None}
    inputs, _ = clients["docker"].check(kind, changed(base.inputs, change))
    made = clients["docker"].create(kind, inputs)
    differing = {"id", "imageId", *change}
    assert _state(made.state, differing) == _state(answer["state"], differing)
    assert made.state["name"] == change["name"]
    clients["docker"].delete(kind, made.identifier, made.state)


def _run(command: Client, inputs: Properties, updated: Properties | None) -> Properties:
    try:
        made = command.create(COMMAND, inputs)
        state = command.update(COMMAND, made.identifier, made.state, inputs, updated) if updated else made.state
    except Refused as error:
        return {"error": str(error)}
    return {"state": state}


def _gist(failure: str) -> tuple[str, str]:
    """Return how a failure begins and which top-level property it is about."""
    path = re.search(r"Examine values at '\w+\.(\w+)", failure)
    return failure[:20], path[1] if path else failure


def _comparable(inputs: Properties) -> Properties:
    name = inputs.get("name")
    return {**inputs, "name": re.sub(_CHOSEN, "-*", name)} if isinstance(name, str) else inputs


def _mounts(base: Base, own: str) -> list[Properties]:
    return [{**mount, "source": mount["source"].replace(NAME, own)} for mount in base.inputs["mounts"]]


def _mounted(state: Properties, name: str) -> list[tuple[str, str, bool]]:
    return sorted((m["source"].replace(name, "*"), m["target"], bool(m["readOnly"])) for m in state["mounts"])


def _state(state: Properties, differing: set[str]) -> Properties:
    """Return a state with one spelling of each value: without what is empty, sets in one order."""
    kept = {name: _spelled(reveal(value)) for name, value in state.items() if name not in differing}
    return {name: value for name, value in kept.items() if value is not None}


def _spelled(value: Any) -> Any:
    match value:
        case dict():
            return {name: _spelled(item) for name, item in value.items() if _spelled(item) is not None} or None
        case list():
            return sorted((_spelled(item) for item in value), key=_order) or None
    return value or None


def _order(item: Any) -> str:
    """Return what to sort by; the keys of a protobuf map come in another order in each process."""
    return json.dumps(item, sort_keys=True)
