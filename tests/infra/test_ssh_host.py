"""What a look at a server's files says: the command that a server would run, on a folder of this machine."""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path, PurePosixPath

import pytest

from infra import ssh_host
from infra.paths import PROJECT_FOLDER
from infra.ssh_client import SshAccess
from infra.ssh_host import look
from ops.core.process import Completed, run
from ops.host.provision import main


class Here(SshAccess):
    """A STAND-IN for SSH: commands run on this machine."""

    def run(self, command: str, *, timeout: float, patience: float = 0.0) -> Completed:
        assert timeout > patience
        return run(["sh", "-c", command], timeout=timeout)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A server's folder with a release that was installed at revision `first`."""
    monkeypatch.setattr(ssh_host, "ROOT", PurePosixPath(tmp_path))
    shutil.copytree(PROJECT_FOLDER / "ops", tmp_path / "current/ops/ops", ignore=shutil.ignore_patterns("__pycache__"))
    install(tmp_path, "first", monkeypatch)
    return tmp_path


def install(root: Path, revision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a secret, as `up` does at a revision."""
    monkeypatch.setattr("sys.stdin", io.StringIO('{"registry_pass": "x"}'))
    assert main(["--root", str(root), "--revision", revision, "secrets", "--owner", f"{os.getuid()}:{os.getgid()}"]) == 0


@pytest.mark.usefixtures("root")
def test_a_server_that_nobody_has_touched_has_the_revision_of_its_last_installation() -> None:
    assert look(Here("here", "", "")) == "first"


def test_a_file_changed_by_hand_is_told_and_makes_a_new_revision(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr("pulumi.warn", told.append)
    (root / "secrets/registry_pass").write_text("by hand")
    seen = look(Here("here", "", ""))
    assert seen not in {"", "first"}
    assert seen == look(Here("here", "", ""))
    assert set(told) == {f"{root}/secrets/registry_pass has changed on here since it was installed; `up` restores it"}


def test_a_server_of_an_earlier_program_is_installed_anew(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "current/ops/ops/host/drift.py").rename(root / "current/ops/ops/drift.py")
    (root / "installed/revision").rename(root / "installed/mark")
    assert look(Here("here", "", "")) not in {"", "first"}
    install(root, "second", monkeypatch)
    assert sorted(path.name for path in (root / "installed").iterdir()) == ["revision", "secrets.json"]
