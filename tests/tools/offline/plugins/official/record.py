"""Asks the official plugins all of cases.py and writes answers.json: `… record FOLDER`, FOLDER being a PULUMI_HOME's `plugins`.

Needs a Docker engine. Makes one network, volume, image and container of each case's name and removes them.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docker import APIClient

from tests.tools.offline.plugins.busybox import import_busybox
from tests.tools.offline.plugins.client import COMMAND, Client, Refused, running, without_bridge
from tests.tools.offline.plugins.official import answers
from tests.tools.offline.plugins.official.cases import BASES, CHECKS, NAME, RUNS, Base, changed
from tools.offline.plugins.resource import PluginError
from tools.offline.plugins.version import plugin_version


def main() -> None:
    """Record."""
    folder = Path(sys.argv[1])
    with contextlib.ExitStack() as stack:
        clients = {name: stack.enter_context(running(_program(folder, name))) for name in ("docker", "command")}
        for client in clients.values():
            client.configure()
        stack.enter_context(_image())
        answers.save(
            {
                "checks": [_check(clients[_package(kind)], kind, inputs) for kind, inputs in CHECKS],
                "bases": [_base(clients[_package(base.kind)], base, stack) for base in BASES],
                "runs": [_run(clients["command"], created, updated) for created, updated in RUNS],
            }
        )


def _program(folder: Path, name: str) -> Path:
    program = folder / f"resource-{name}-v{plugin_version(name)}" / f"pulumi-resource-{name}"
    if not program.is_file():
        raise PluginError(f"{program} does not exist")
    return program


def _package(kind: str) -> str:
    return kind.partition(":")[0]


@contextlib.contextmanager
def _image() -> Iterator[None]:
    engine = APIClient(version="auto")
    import_busybox(engine, NAME)
    try:
        yield
    finally:
        engine.remove_image(NAME, force=True)


def _check(client: Client, kind: str, inputs: dict[str, Any]) -> dict[str, Any]:
    checked, failures = client.check(kind, inputs)
    return {"inputs": checked, "failures": sorted(failures)}


def _base(client: Client, base: Base, stack: contextlib.ExitStack) -> dict[str, Any]:
    inputs, _ = client.check(base.kind, base.inputs)
    made = client.create(base.kind, inputs)
    stack.callback(client.delete, base.kind, made.identifier, made.state)
    return {
        "inputs": inputs,
        "state": without_bridge(made.state),
        "changes": [_change(client, base, inputs, made.state, change) for change in base.changes],
    }


def _change(client: Client, base: Base, inputs: Any, state: Any, change: Any) -> dict[str, Any]:
    news, failures = client.check(base.kind, changed(base.inputs, change), inputs)
    assert not failures, failures
    return client.diff(base.kind, state, inputs, news)


def _run(client: Client, created: Any, updated: Any) -> dict[str, Any]:
    try:
        made = client.create(COMMAND, created)
        state = client.update(COMMAND, made.identifier, made.state, created, updated) if updated else made.state
    except Refused as error:
        return {"error": str(error)}
    return {"state": state}


if __name__ == "__main__":
    main()
