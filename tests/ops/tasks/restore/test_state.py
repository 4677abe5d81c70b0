"""The state of one service comes back from a real backup, while a real container that uses it is stopped."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container

from infra.paths import cache_folder
from ops.core import exit_codes
from ops.registry.restore.model import RestoreError
from ops.registry.snapshots.trash import NoSpaceError
from ops.tasks.restore import state as module
from ops.tasks.restore.run import Chosen
from ops.tasks.restore.state import kept_states, restore_state
from tests.ops.backups.backup_rig import BackupRig, backed_up
from tests.ops.command_line import regops
from tools.bootstrap.docker_engine import ensure_docker
from tools.offline.images import ensure_images

pytestmark = pytest.mark.system

GRAFANA = "data/grafana"
LATEST = Chosen()


def say(_: str) -> None:
    """Nobody listens."""


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackupRig]:
    """A stack with a dashboard in its backup."""
    with backed_up(tmp_path_factory.mktemp("state")) as rig:
        write(rig, "as it was")
        rig.back_up()
        yield rig


@pytest.fixture(scope="module")
def grafana(rig: BackupRig) -> Iterator[Container]:
    """A container that sees the folder, as Grafana does, and another one that sees another one."""
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as removed:
        patch.setenv("DOCKER_HOST", ensure_docker())
        engine = removed.enter_context(contextlib.closing(docker.from_env()))
        image = ensure_images(["redis"], engine, cache_folder("offline"))["redis"].reference
        made = []
        for folder in (GRAFANA, "data/edge"):
            mount = docker.types.Mount("/data", str(rig.stack.root / folder), type="bind")
            name = f"test-{os.getpid()}-{secrets.token_hex(3)}"
            made.append(
                engine.containers.create(
                    image, ["sleep", "600"], name=name, network_mode="none", stop_signal="SIGKILL", mounts=[mount]
                )
            )
            removed.callback(made[-1].remove, force=True)
            made[-1].start()
        yield made[0]


def write(rig: BackupRig, text: str) -> None:
    folder = rig.stack.root / GRAFANA / "dashboards"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "one.json").write_text(text)


def read(rig: BackupRig) -> str:
    return (rig.stack.root / GRAFANA / "dashboards/one.json").read_text()


def seen_inside(container: Container) -> str:
    done = container.exec_run(["cat", "/data/dashboards/one.json"])
    assert isinstance(done.output, bytes)
    return done.output.decode()


def test_it_comes_back_in_its_place_and_its_service_alone_is_restarted(rig: BackupRig, grafana: Container) -> None:
    write(rig, "broken")
    mode = (rig.stack.root / GRAFANA).stat().st_mode
    planned = regops(rig.stack.root, "restore", "--state", GRAFANA, "--dry-run")
    assert (planned.returncode, read(rig)) == (0, "broken"), planned.stderr
    told = regops(rig.stack.root, "restore", "--state", GRAFANA)
    assert told.returncode == 0, told.stderr
    assert str(grafana.name) in told.stderr
    assert told.stderr.count("stopping ") == 1
    grafana.reload()
    assert (read(rig), grafana.status, seen_inside(grafana)) == ("as it was", "running", "as it was")
    assert (rig.stack.root / GRAFANA).stat().st_mode == mode
    assert (rig.stack.root / GRAFANA / "dashboards").stat().st_mode == mode
    assert (rig.stack.root / "data/backup/replaced" / GRAFANA / "dashboards/one.json").read_text() == "broken"


def test_one_that_is_gone_comes_back(rig: BackupRig, grafana: Container) -> None:
    assert grafana.name
    (rig.stack.root / GRAFANA).rename(rig.stack.root / "data/elsewhere")
    restore_state(rig.stack, LATEST, GRAFANA, say)
    assert read(rig) == "as it was"


def test_what_fails_meanwhile_leaves_the_service_running(
    rig: BackupRig, grafana: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_swap", full)
    with pytest.raises(NoSpaceError):
        restore_state(rig.stack, LATEST, GRAFANA, say)
    grafana.reload()
    assert grafana.status == "running"
    assert read(rig) == "as it was"


def test_to_a_folder_nothing_is_stopped(rig: BackupRig, tmp_path: Path) -> None:
    for path in ("secrets", "data/regops", GRAFANA):
        done = restore_state(rig.stack, LATEST, path, say, to=tmp_path / path)
        assert done.files == sum(one.is_file() for one in (tmp_path / path).rglob("*")) > 0
        assert done.restarted == ()


def test_what_cannot_be_done_is_said(rig: BackupRig, tmp_path: Path) -> None:
    assert set(kept_states()) >= {"secrets", "data/edge", GRAFANA, "data/regops"}
    assert "data/regops/history.jsonl" not in kept_states()
    for path, to, said in (
        ("data/prometheus", None, "it has secrets"),
        ("secrets", None, "--to"),
        ("data/regops", None, "--to"),
        ("data/mirror", None, "--to"),
        (GRAFANA, tmp_path, "exists already"),
        ("data/gateway", None, "has nothing of"),
    ):
        with pytest.raises(RestoreError, match=said):
            restore_state(rig.stack, LATEST, path, say, to=to)
    assert regops(rig.stack.root, "restore", "team/app", "--state", GRAFANA).returncode == 2
    assert regops(rig.stack.root, "restore", "--state", GRAFANA, "--overwrite").returncode == 2
    assert regops(rig.stack.root, "restore", "--state", "data/nothing").returncode == exit_codes.FAILED
