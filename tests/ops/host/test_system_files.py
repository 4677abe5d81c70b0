"""Files of the host: installed when they differ, refused when their program refuses them, told until it is done."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from ops.host import system_files as subject
from ops.host.drift import look
from ops.host.system_files import HostFileError, changes, install, main

UNIT = "etc/systemd/system/task.timer"
SYSCTL = "etc/sysctl.d/90.conf"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A stack's folder whose release has two files for the host."""
    root = tmp_path / "root"
    offer(root, {UNIT: "[Timer]\n\n[Install]\n", SYSCTL: "a = 1\n"})
    return root


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the place of `/`."""
    (tmp_path / "slash").mkdir()
    monkeypatch.setattr(subject, "_ROOT", tmp_path / "slash")
    return tmp_path / "slash"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commands that would reload programs. A STAND-IN: the emulated server runs them for real."""
    commands: list[str] = []

    def call(command: Sequence[object]) -> None:
        commands.append(" ".join(map(str, command)))

    monkeypatch.setattr(subject, "_call", call)
    return commands


def offer(root: Path, files: dict[str, str]) -> None:
    """Make a release with these files current."""
    part = root / "parts" / f"host-{abs(hash(tuple(files.items())))}"
    for name, text in files.items():
        path = part / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    current = root / "current"
    current.mkdir(parents=True, exist_ok=True)
    (current / "host").unlink(missing_ok=True)
    (current / "host").symlink_to(part)


def test_files_are_installed_once_and_their_programs_reloaded(root: Path, target: Path, told: list[str]) -> None:
    assert install(root, target) == [SYSCTL, UNIT]
    assert (target / SYSCTL).read_text() == "a = 1\n"
    assert (target / SYSCTL).stat().st_mode & 0o777 == 0o644
    assert told == ["systemctl daemon-reload", "sysctl --quiet --ignore --system", "systemctl enable --now task.timer"]
    told.clear()
    assert install(root, target) == []
    assert told == []


def test_what_was_changed_by_hand_is_detected_and_restored(root: Path, target: Path, told: list[str]) -> None:
    install(root, target)
    told.clear()
    (target / SYSCTL).write_text("a = 2\n")
    assert look(root)[1] == [str(target / SYSCTL)]
    assert install(root, target) == [SYSCTL]
    assert (target / SYSCTL).read_text() == "a = 1\n"
    assert look(root)[1] == []
    assert told == ["sysctl --quiet --ignore --system"]


def test_a_file_that_is_not_in_the_release_any_more_goes_and_its_unit_ends_first(
    root: Path, target: Path, told: list[str]
) -> None:
    install(root, target)
    told.clear()
    offer(root, {SYSCTL: "a = 1\n"})
    assert install(root, target) == [UNIT]
    assert not (target / UNIT).exists()
    assert told == ["systemctl disable --now task.timer", "systemctl daemon-reload"]


def test_a_file_that_its_program_refuses_changes_nothing(root: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(root, {SYSCTL: "a = 1\n", "etc/ssh/sshd_config.d/10.conf": "NoSuchOption yes\n"})

    def refuse(command: Sequence[object]) -> None:
        raise HostFileError(f"{command[0]} refuses")

    monkeypatch.setattr(subject, "_call", refuse)
    with pytest.raises(HostFileError, match="sshd refuses"):
        install(root, target)
    assert list(target.rglob("*")) == []


def test_a_program_that_could_not_be_reloaded_is_reloaded_by_the_next_run(
    root: Path, target: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(subject, "_call", killed)
        with pytest.raises(KeyboardInterrupt):
            install(root, target)
    assert changes(root, target).all == []
    assert install(root, target) == [SYSCTL, UNIT]
    assert "systemctl daemon-reload" in told


def test_a_dry_run_changes_nothing(root: Path, target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(root), "--dry-run"]) == 0
    assert capsys.readouterr().out == f"/{SYSCTL}\n/{UNIT}\n"
    assert list(target.rglob("*")) == []


def test_an_error_is_reported_in_one_line(root: Path, target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "current" / "host").unlink()
    (target / "etc").write_text("a file where a folder should be")
    offer(root, {SYSCTL: "a = 1\n"})
    assert main(["--root", str(root)]) == 1
    assert capsys.readouterr().err.startswith("ops.host.system_files: ")
