"""What a look at a server's files says: the command that a server would run, on a folder of this machine."""

from __future__ import annotations

import io
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pulumi
import pytest

from infra import ssh_host
from infra.look import Wanted
from infra.paths import PROJECT_FOLDER
from infra.ssh_client import SshAccess
from infra.ssh_host import look
from ops.core.process import CommandError, Completed, run
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


def revision() -> str:
    """Return the revision of the files here."""
    seen = look(Here("here", "", ""), Wanted([], {}))
    assert seen is not None
    return seen.files


@dataclass(frozen=True)
class Away(SshAccess):
    """A STAND-IN for a server that does not answer."""

    said: str = "connect to host 203.0.113.1 port 22: Connection timed out"
    asked: list[float] = field(default_factory=list)

    def run(self, command: str, *, timeout: float, patience: float = 0.0) -> Completed:
        assert timeout > patience
        self.asked.append(patience)
        raise CommandError("ssh failed", Completed(("ssh", command), 255, "", f"ssh: {self.said}\n"))


@pytest.mark.parametrize("preview", [True, False])
def test_a_server_that_does_not_answer_stops_an_update_and_no_preview(monkeypatch: pytest.MonkeyPatch, preview: bool) -> None:
    told: list[str] = []
    monkeypatch.setattr("pulumi.warn", told.append)
    monkeypatch.setattr("pulumi.runtime.is_dry_run", lambda: preview)
    away = Away("203.0.113.1", "", "")
    if preview:
        assert look(away, Wanted([], {})) is None
        assert away.asked == [0.0], "nobody wants to wait for a preview"
    else:
        with pytest.raises(pulumi.RunError) as stopped:
            look(away, Wanted([], {}))
        assert away.asked[0] > 30
        told.append(str(stopped.value))
    (text,) = told
    assert text.startswith("the server 203.0.113.1 does not answer by SSH (ssh: connect to host 203.0.113.1 port 22: ")
    assert "hetzner.ssh_from" in text


def test_another_server_in_its_place_stops_a_preview_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pulumi.runtime.is_dry_run", lambda: True)
    with pytest.raises(pulumi.RunError, match="Host key verification failed"):
        look(Away("203.0.113.1", "", "", said="Host key verification failed."), Wanted([], {}))


@pytest.mark.usefixtures("root")
def test_a_server_that_nobody_has_touched_has_the_revision_of_its_last_installation() -> None:
    assert revision() == "first"


def test_a_file_changed_by_hand_is_told_and_makes_a_new_revision(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr("pulumi.warn", told.append)
    (root / "secrets/registry_pass").write_text("by hand")
    seen = revision()
    assert seen not in {"", "first"}
    assert seen == revision()
    assert set(told) == {f"{root}/secrets/registry_pass has changed on here since it was installed; `up` restores it"}


def test_a_server_of_an_earlier_program_is_installed_anew(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "current/ops/ops/host/drift.py").rename(root / "current/ops/ops/drift.py")
    (root / "installed/revision").rename(root / "installed/mark")
    assert revision() not in {"", "first"}
    install(root, "second", monkeypatch)
    assert sorted(path.name for path in (root / "installed").iterdir()) == ["revision", "secrets.json"]
