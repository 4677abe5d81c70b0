"""`make lock` with a real registry, a real Docker engine, images that were really pushed, and a registry that is dead."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from infra.settings import SettingsError
from tests.free_ports import free_port
from tests.ops.gateway.gateway_rig import wait_until_up
from tests.ops.gateway.registry_rig import EMPTY, MANIFEST_TYPE
from tests.real_programs import registry_binary
from tools.bootstrap import lock as subject
from tools.bootstrap.docker_engine import ensure_docker
from tools.bootstrap.errors import SetupError
from tools.bootstrap.lock import Refreshed, main, refresh

pytestmark = pytest.mark.system

INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
OLD = "sha256:" + "0" * 64
ID = "sha256:" + "1" * 64


@dataclass(frozen=True)
class Registry:
    """A registry that everybody may push to."""

    name: str

    def push(self, repository: str, tag: str, *, of: str) -> str:
        """Push an image for two platforms, of nothing but some text; return the digest of its index."""
        url = f"http://{self.name}/v2/{repository}"
        started = httpx.post(f"{url}/blobs/uploads/")
        httpx.put(f"http://{self.name}{started.headers['location']}&digest={EMPTY}", content=b"{}").raise_for_status()
        blob = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": EMPTY, "size": 2}
        members = []
        for architecture in ("amd64", "arm64"):
            annotations = {"of": of, "architecture": architecture}
            manifest = {
                "schemaVersion": 2,
                "mediaType": MANIFEST_TYPE,
                "config": blob,
                "layers": [blob],
                "annotations": annotations,
            }
            content = json.dumps(manifest)
            member = {"mediaType": MANIFEST_TYPE, "digest": _digest(content), "size": len(content)}
            members.append(member | {"platform": {"os": "linux", "architecture": architecture}})
            self._put(f"{url}/manifests/{member['digest']}", content, MANIFEST_TYPE)
        index = json.dumps({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": members})
        self._put(f"{url}/manifests/{tag}", index, INDEX_TYPE)
        return _digest(index)

    @staticmethod
    def _put(url: str, content: str, media_type: str) -> None:
        httpx.put(url, content=content, headers={"Content-Type": media_type}).raise_for_status()


def _digest(content: str) -> str:
    return "sha256:" + hashlib.sha256(content.encode()).hexdigest()


@pytest.fixture(scope="module")
def docker_host() -> str:
    return ensure_docker()


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    folder = tmp_path_factory.mktemp("registry")
    name = f"127.0.0.1:{free_port()}"  # the Docker engine speaks HTTP with loopback addresses
    config = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": name, "relativeurls": True},
    }
    (folder / "config.yml").write_text(yaml.safe_dump(config))
    argv = [str(registry_binary()), "serve", str(folder / "config.yml")]
    environment = {"PATH": os.environ["PATH"], "OTEL_TRACES_EXPORTER": "none"}
    with (folder / "log").open("wb") as log, subprocess.Popen(argv, env=environment, stdout=log, stderr=log) as process:
        try:
            wait_until_up(f"http://{name}/", process)
            yield Registry(name)
        finally:
            process.kill()


@pytest.fixture
def dead() -> str:
    """A name under which no registry answers."""
    return f"127.0.0.1:{free_port()}"


def test_digests_are_written_and_everything_else_is_kept(registry: Registry, docker_host: str, dead: str, tmp_path: Path) -> None:
    registry.push("team/moved", "1.2.0-alpine", of="the old build")
    moved = registry.push("team/moved", "1.2.0-alpine", of="the new build")
    new, same = registry.push("new", "v0.11.6", of="it"), registry.push("same", "3.1.2", of="it")
    text = f"""\
# What this is: {registry.name}/new:v0.11.6 needs a digest.
new:
  image: {registry.name}/new:v0.11.6  # not pinned yet
  minimum: {{version: 0.11.5, why: "a: reason"}}
moved: {{"image": "{registry.name}/team/moved:1.2.0-alpine@{OLD}", bad: [{{version: 1.1.0, advisory: X-1}}]}}

same: {{image: {registry.name}/same:3.1.2@{same}}}
away:
  image: {dead}/away:2.0.0@{OLD}
gone: {{"image": '{registry.name}/gone:1.0.0'}}
ours: {{image: {ID}, version: 8.0.0}}
none: {{unavailable: no package has it}}
"""
    lock = tmp_path / "some.lock"
    lock.write_text(text)
    found = refresh(lock, docker_host)
    assert found.changed == {
        "new": (f"{registry.name}/new:v0.11.6", f"{registry.name}/new:v0.11.6@{new}"),
        "moved": (f"{registry.name}/team/moved:1.2.0-alpine@{OLD}", f"{registry.name}/team/moved:1.2.0-alpine@{moved}"),
    }
    assert found.unchanged == ["same"]
    assert found.failed.keys() == {"away", "gone"}
    assert dead in found.failed["away"]
    assert "connection refused" in found.failed["away"]
    assert "not found" in found.failed["gone"] or "manifest unknown" in found.failed["gone"]
    wanted = text.replace("v0.11.6  #", f"v0.11.6@{new}  #").replace(f"alpine@{OLD}", f"alpine@{moved}")
    assert lock.read_text() == wanted
    assert refresh(lock, docker_host).changed == {}
    assert lock.read_text() == wanted


def test_a_dry_run_changes_nothing(registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    digest = registry.push("dry", "1.0.0", of="it")
    lock = tmp_path / "some.lock"
    lock.write_text(text := f"dry: {{image: {registry.name}/dry:1.0.0@{OLD}}}\n")
    assert main(["--dry-run", "--file", str(lock)]) == 0
    assert lock.read_text() == text
    assert capsys.readouterr().out == (
        f"dry: {registry.name}/dry:1.0.0 is {digest}, was {OLD}\n1 changed, 0 unchanged, 0 failed\n"
    )


def test_a_dead_registry_is_named_and_the_others_go_on(
    registry: Registry, dead: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = registry.push("alive", "1.0.0", of="it")
    lock = tmp_path / "some.lock"
    lock.write_text(f"dead: {{image: {dead}/app:1.0.0}}\nalive: {{image: {registry.name}/alive:1.0.0}}\n")
    assert main(["--json", "--file", str(lock)]) == 1
    told = capsys.readouterr()
    reference = f"{registry.name}/alive:1.0.0"
    result = json.loads(told.out)
    assert result["changed"] == {"alive": [reference, f"{reference}@{digest}"]}
    assert dead in result["failed"]["dead"]
    assert f"error: dead stays as it is: {result['failed']['dead']}\n" in told.err
    assert lock.read_text() == f"dead: {{image: {dead}/app:1.0.0}}\nalive: {{image: {reference}@{digest}}}\n"


@pytest.mark.parametrize("entry", ["\n  image: >-\n    {}", "\n  ? image\n  : {}"])
def test_a_file_that_cannot_be_changed_without_loss_is_left_alone(
    registry: Registry, docker_host: str, tmp_path: Path, entry: str
) -> None:
    registry.push("odd", "1.0.0", of="it")
    lock = tmp_path / "some.lock"
    lock.write_text(text := f"odd: {entry.format(f'{registry.name}/odd:1.0.0')}\n")
    with pytest.raises(SetupError, match=r"some\.lock cannot be edited without loss"):
        refresh(lock, docker_host)
    assert lock.read_text() == text


def test_a_version_that_must_never_run_is_not_pinned(docker_host: str, tmp_path: Path) -> None:
    lock = tmp_path / "some.lock"
    lock.write_text("registry: {image: 'registry:3.0.0'}")
    with pytest.raises(SettingsError, match=r"registry:3\.0\.0 is known to be bad \(CVE-2026-35172.*run `make lock`"):
        refresh(lock, docker_host)


@pytest.mark.parametrize(
    ("error", "code"), [(SettingsError(["told"]), 10), (SetupError("told"), 1), (PermissionError("told"), 1)], ids=repr
)
def test_every_failure_is_one_message_and_its_code(
    error: Exception, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any, **__: Any) -> Refreshed:
        raise error

    monkeypatch.setattr(subject, "refresh", fail)
    monkeypatch.setattr(subject, "ensure_docker", str)
    assert main([]) == code
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("error: ")
    assert "told" in told.err
