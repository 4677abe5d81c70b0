"""The catalogue under the real engine: an edit restarts nothing, and edits of the host stop `up` before it changes anything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.settings import SettingsError
from ops.catalogue.shipped import is_ahead, working_copy
from ops.config import RUNS_FOLDER, RUNS_MOUNT
from tests.engine.stacks import TestStack, new_stack
from tests.ops.command_line import regops
from tools.bootstrap.errors import SetupError

MIRROR = {"into": ["library/**"]}


def entry(name: str, stack: TestStack) -> str:
    return (
        f"  - source: registry.invalid/library/{name}\n"
        f"    target: localhost:{stack.http_port}/library/{name}\n"
        "    type: repository\n"
    )


def write(stack: TestStack, *names: str) -> str:
    """Write the repository's catalogue."""
    text = "version: 1\nsync:\n" + "".join(entry(name, stack) for name in names)
    file_of(stack).write_text(text)
    return text


def file_of(stack: TestStack) -> Path:
    return stack.folder / "catalogue.yml"


@pytest.fixture(scope="module")
def mirroring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestStack]:
    with new_stack(tmp_path_factory.mktemp("mirroring")) as stack:
        stack.settings["sync"] = {**MIRROR, "catalogue": str(file_of(stack))}
        write(stack, "alpine")
        stack.outputs = stack.open().up(stream=False)
        yield stack


def test_its_regsync_waits_and_sees_what_runs_are_told(mirroring: TestStack) -> None:
    container = mirroring.containers()["regsync"]
    assert container.attrs["State"]["Health"]["Status"] == "healthy"
    told = mirroring.root / RUNS_FOLDER / "try.yml"
    told.write_text("version: 1\nsync: []\n")
    ran = container.exec_run(["regsync", "once", "--config", f"{RUNS_MOUNT}/try.yml"])
    assert ran.exit_code == 0, ran.output
    told.unlink()


def test_an_edit_restarts_nothing(mirroring: TestStack) -> None:
    before = {name: (one.id, one.attrs["State"]["StartedAt"]) for name, one in mirroring.containers().items()}
    text = write(mirroring, "alpine", "debian")
    mirroring.open().up(stream=False)
    assert working_copy(mirroring.root).read_text() == text
    assert {name: (one.id, one.attrs["State"]["StartedAt"]) for name, one in mirroring.containers().items()} == before


def test_what_was_pushed_is_what_up_ships(mirroring: TestStack) -> None:
    write(mirroring, "alpine", "debian", "redis")
    pushed = regops(mirroring.root, "catalogue", "push", "--file", file_of(mirroring))
    assert pushed.returncode == 0, pushed.stderr
    copy = working_copy(mirroring.root).stat()
    mirroring.open().up(stream=False)
    assert working_copy(mirroring.root).stat().st_ino == copy.st_ino, "it was not even written again"
    assert not is_ahead(mirroring.root)


def test_edits_of_the_host_stop_up_until_they_are_pulled(mirroring: TestStack) -> None:
    added = regops(mirroring.root, "catalogue", "add", "registry.invalid/library/nginx")
    assert added.returncode == 0, added.stderr
    edited, current = working_copy(mirroring.root).read_text(), (mirroring.root / "current").readlink()
    write(mirroring, "postgres")
    with pytest.raises(SetupError, match="bin/regops catalogue pull --force"):
        mirroring.open().up(stream=False)
    assert (working_copy(mirroring.root).read_text(), (mirroring.root / "current").readlink()) == (edited, current)
    pulled = regops(mirroring.root, "catalogue", "pull", "--force", "--file", file_of(mirroring))
    assert pulled.returncode == 0, pulled.stderr
    joined = file_of(mirroring).read_text() + entry("postgres", mirroring)
    file_of(mirroring).write_text(joined)
    mirroring.open().up(stream=False)
    assert (working_copy(mirroring.root).read_text(), is_ahead(mirroring.root)) == (joined, False)
    assert json.loads(regops(mirroring.root, "status", "--json").stdout)


def test_a_catalogue_that_cannot_be_mirrored_is_told_before_anything_is_set_up(mirroring: TestStack) -> None:
    right = file_of(mirroring).read_text()
    file_of(mirroring).write_text(right.replace("/library/postgres\n    type", "/private/postgres\n    type"))
    try:
        with pytest.raises(SettingsError, match=r"catalogue\.yml:\d+: target private/postgres is outside of where the mirror"):
            mirroring.open()
    finally:
        file_of(mirroring).write_text(right)
