"""The catalogue under the real engine: an edit restarts nothing, and edits of the host stop `up` before it changes anything."""

from __future__ import annotations

import contextlib
import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker.models.containers import Container

from infra.paths import cache_folder
from infra.settings import SettingsError
from ops.catalogue.shipped import is_ahead, working_copy
from ops.config import RUNS_FOLDER, RUNS_MOUNT
from ops.core import exit_codes
from tests.engine.stacks import TestStack, new_stack
from tests.ops.command_line import regops
from tests.ops.tasks.gc.gc_rig import Client, Image, running
from tools.bootstrap.errors import SetupError
from tools.bootstrap.judge import judge
from tools.offline.images import ensure_images

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


def test_a_preview_of_an_edit_shows_one_changed_file(mirroring: TestStack) -> None:
    write(mirroring, "alpine", "busybox")
    stack = mirroring.open().stack
    with stack.locked():
        stack.prepare()
        planned = stack.preview("--json").stdout
    found = {change.urn.rpartition("::")[2]: (change.operation, change.properties) for change in judge(planned).changes}
    # What is shipped, and what is done after each: a look whether all is well, and the removal of old releases.
    assert found == dict.fromkeys(("release", "doctor", "prune"), ("update", ("create",)))
    step = next(one for one in json.loads(planned)["steps"] if one["urn"].endswith("::release"))
    before, after = (_shipped(step[state]["inputs"]["create"]) for state in ("oldState", "newState"))
    assert {re.sub("-[0-9a-f]+/", "/", name) for name, _ in before ^ after} == {"parts/catalogue/catalogue.yml"}
    assert "of the release, this changes: catalogue\n" in stack.preview().stdout


def _shipped(command: str) -> set[tuple[str, bytes]]:
    """Return the files of a release, each with its content."""
    with tarfile.open(next(word for word in command.split() if word.endswith(".tar"))) as tar:
        return {(one.name, file.read()) for one in tar if one.isfile() and (file := tar.extractfile(one))}


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


def test_what_the_catalogue_names_is_mirrored(mirroring: TestStack, tmp_path: Path) -> None:
    """From an upstream that is on this host's loopback and on regsync's: the same tree, behind two registries."""
    with upstream(tmp_path, mirroring.containers()["regsync"]) as source:
        assert source.push("library/alpine", "3.22", Image("alpine")).status_code == 201
        name = source.url.removeprefix("http://")
        before = file_of(mirroring).read_text()
        mirrored = entry("alpine", mirroring).replace("registry.invalid", name)
        file_of(mirroring).write_text(
            f"version: 1\nsync:\n{mirrored}{entry('missing', mirroring).replace('registry.invalid', name)}"
        )
        try:
            pushed = regops(mirroring.root, "catalogue", "push", "--file", file_of(mirroring))
            assert pushed.returncode == 0, pushed.stderr
            plan = json.loads(regops(mirroring.root, "sync", "plan", "--json").stdout)["plan"]["entries"]
            assert [one["copy"] for one in plan] == [["3.22"], []]
            done = regops(mirroring.root, "sync", "--json", limit_s=120)
            assert done.returncode == exit_codes.WARNINGS, done.stderr
            report = json.loads(done.stdout)["report"]
            assert [one["state"] for one in report["entries"]] == ["changed", "failed"], done.stdout
            assert report["verified"] == 1
            status = regops(mirroring.root, "status")
            assert "mirror: 1 of 2 entries well" in " ".join(status.stderr.split()), status.stderr
        finally:
            file_of(mirroring).write_text(before)
            regops(mirroring.root, "catalogue", "push", "--file", file_of(mirroring))


@contextlib.contextmanager
def upstream(folder: Path, beside: Container) -> Iterator[Client]:
    """Run a registry on this host, and one with the same tree and port in another container's network."""
    with running(folder) as rig:
        engine = beside.client
        assert engine is not None
        image = ensure_images(["registry"], engine, cache_folder("offline"))["registry"]
        twin = engine.containers.create(
            image.reference,
            ["serve", str(folder / "registry.yml")],
            network_mode=f"container:{beside.id}",
            user="0:0",
            environment={"OTEL_TRACES_EXPORTER": "none"},
            volumes=[f"{folder}:{folder}"],
        )
        try:
            twin.start()
            yield rig.client
        finally:
            twin.remove(force=True, v=True)


def test_a_catalogue_that_cannot_be_mirrored_is_told_before_anything_is_set_up(mirroring: TestStack) -> None:
    right = file_of(mirroring).read_text()
    file_of(mirroring).write_text(right.replace("/library/postgres\n    type", "/private/postgres\n    type"))
    try:
        with pytest.raises(SettingsError, match=r"catalogue\.yml:\d+: target private/postgres is outside of where the mirror"):
            mirroring.open()
    finally:
        file_of(mirroring).write_text(right)
