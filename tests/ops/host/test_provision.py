"""Provisioning a host: every command can be run again, and completes whatever an earlier run left."""

from __future__ import annotations

import io
import json
import os
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import redirect_stderr
from pathlib import Path
from unittest import mock

import pytest

from ops.core.files import write_atomic
from ops.core.process import run
from ops.host.drift import look
from ops.host.provision import install_secrets, main, make_folders, remove
from ops.host.releases import install_release, point
from tests.ops.hosts import tarball, tree

ME = (os.getuid(), os.getgid())
OWNER = f"{ME[0]}:{ME[1]}"
PROJECT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _undisturbed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The umask of before, and no waiting for the disk of the whole machine."""
    monkeypatch.setattr(os, "sync", lambda: None)
    umask = os.umask(0o022)
    yield
    os.umask(umask)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_folders_are_made_for_their_owner(root: Path) -> None:
    for _ in range(2):
        make_folders(root, ["data/registry", "gate"], ME)
        assert tree(root) == {"data": "/", "data/registry": "/", "gate": "/"}
        assert mode(root / "data/registry") == mode(root / "gate") == 0o750


def test_folders_keep_what_they_hold(root: Path) -> None:
    make_folders(root, ["data"], ME)
    (root / "data" / "image").write_text("precious")
    make_folders(root, ["data"], ME)
    assert tree(root) == {"data": "/", "data/image": "precious"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_new_owner_is_given_all_that_a_folder_holds_and_the_folder_last(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_folders(root, ["data"], (10001, 10001))
    (root / "data" / "docker").mkdir()
    (root / "data" / "docker" / "blob").write_text("x")
    (root / "data" / "link").symlink_to("/etc/passwd")
    chown = os.chown
    given: list[str] = []

    def watched(path: Path, *owner: int, follow_symlinks: bool) -> None:
        given.append(path.name)
        chown(path, *owner, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(os, "chown", watched)
    passwd = Path("/etc/passwd").stat().st_uid
    make_folders(root, ["data"], (10003, 10003))
    assert {path.lstat().st_uid for path in (root / "data", *(root / "data").rglob("*"))} == {10003}
    assert given[-1] == "data"
    assert Path("/etc/passwd").stat().st_uid == passwd
    given.clear()
    make_folders(root, ["data"], (10003, 10003))
    assert given == [], "a tree of a million files is not walked at every run"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_folders_and_secrets_are_given_to_their_owner(root: Path) -> None:
    make_folders(root, ["data"], (10001, 10002))
    install_secrets(root, {"a/b": "x"}, (10001, 10002))
    given = [root / "data", root / "secrets", root / "secrets/a", root / "secrets/a/b"]
    assert {(path.stat().st_uid, path.stat().st_gid) for path in given} == {(10001, 10002)}


def test_secrets_are_for_their_owner_only(root: Path) -> None:
    os.umask(0)
    for _ in range(2):
        install_secrets(root, {"user": "u", "gateway/key": "k", "gateway/sub/deep": "d"}, ME)
    for path in (root / "secrets", *(root / "secrets").rglob("*")):
        assert mode(path) == (0o700 if path.is_dir() else 0o600), path


def test_the_secrets_are_exactly_those_given(root: Path) -> None:
    install_secrets(root, {"user": "u", "old": "o", "gone/old": "o"}, ME)
    (root / "secrets" / ".user.abc.tmp").write_text("left by a killed run")
    install_secrets(root, {"user": "u2", "new/one": "n"}, ME)
    assert tree(root) == {"secrets": "/", "secrets/new": "/", "secrets/new/one": "n", "secrets/user": "u2"}


def test_no_secrets_leave_an_empty_folder(root: Path) -> None:
    install_secrets(root, {"user": "u"}, ME)
    install_secrets(root, {}, ME)
    assert tree(root) == {"secrets": "/"}


def rights(copy: str, text: str) -> dict[str, str]:
    return {"user": "u", f"live/gateway/{copy}/rights": text, f"live/gateway/{copy}/token": "t"}


def test_what_a_running_service_takes_in_is_a_copy_and_the_one_before_stays(root: Path) -> None:
    live = root / "secrets/live/gateway"
    for number in range(3):
        install_secrets(root, rights(f"c{number}", f"text {number}"), ME)
    mounted = live.stat().st_ino
    for _ in range(2):
        install_secrets(root, rights("c3", "text 3"), ME)
    assert tree(live) == {
        "c2": "/",
        "c2/rights": "text 2",
        "c2/token": "t",
        "c3": "/",
        "c3/rights": "text 3",
        "c3/token": "t",
        "current": "-> c3",
        "previous": "-> c2",
    }
    assert live.stat().st_ino == mounted
    install_secrets(root, {"user": "u"}, ME)
    assert tree(root) == {"secrets": "/", "secrets/user": "u"}


def test_a_full_disk_leaves_the_copy_that_is_current(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_secrets(root, rights("c1", "text 1"), ME)

    def write(path: Path, content: str, *, mode: int) -> None:
        if path.name == "token":
            raise OSError(28, "No space left on device")
        write_atomic(path, content, mode=mode)

    with monkeypatch.context() as context:
        context.setattr("ops.host.provision.write_atomic", write)
        with pytest.raises(OSError, match="No space left"):
            install_secrets(root, rights("c2", "text 2"), ME)
    assert (root / "secrets/live/gateway/current/rights").read_text() == "text 1"


@pytest.mark.parametrize("room", [0, 1, 2])
def test_a_full_disk_leaves_every_secret_whole(root: Path, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    names = ["a", "b", "c"]
    install_secrets(root, dict.fromkeys([*names, "stale"], "old"), ME)
    written: list[Path] = []

    def write(path: Path, content: str, *, mode: int) -> None:
        if len(written) == room:
            raise OSError(28, "No space left on device")
        written.append(path)
        write_atomic(path, content, mode=mode)

    monkeypatch.setattr("ops.host.provision.write_atomic", write)
    with pytest.raises(OSError, match="No space left"):
        install_secrets(root, dict.fromkeys(names, "new"), ME)
    found = {path.name: path.read_text() for path in (root / "secrets").iterdir()}
    assert found == {**dict.fromkeys([*names, "stale"], "old"), **dict.fromkeys(names[:room], "new")}


ODD_NAMES = ["../outside", "/outside", "a/../../outside", "..", ".", ""]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_secrets_stay_below_their_folder(root: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not a relative path below"):
        install_secrets(root, {"good": "x", name: "y"}, ME)
    assert tree(root.parent) == {}


@pytest.mark.parametrize("name", ODD_NAMES)
def test_folders_and_removals_stay_below_the_root(root: Path, name: str) -> None:
    (root.parent / "outside").mkdir(parents=True)
    with pytest.raises(ValueError, match="not a relative path below"):
        make_folders(root, [name], ME)
    with pytest.raises(ValueError, match="not a relative path below"):
        remove(root, [name])
    assert (root.parent / "outside").exists()


def test_removal_keeps_what_is_not_named(root: Path, tmp_path: Path) -> None:
    make_folders(root, ["data/registry", "data/edge", "logs/edge"], ME)
    (root / "data/registry/image").write_text("precious")
    install_release(root, tarball(tmp_path, "d1", {"edge-1": "x"}))
    for _ in range(2):
        remove(root, ["data/edge", "logs/edge", "current", "releases", "parts"])
        assert tree(root) == {"data": "/", "data/registry": "/", "data/registry/image": "precious"}


def test_removal_of_everything_leaves_nothing(root: Path) -> None:
    make_folders(root, ["data/edge", "gate"], ME)
    for _ in range(2):
        remove(root, ["gate", "data/edge"])
        assert tree(root.parent) == {}


def test_removal_of_a_link_leaves_what_it_points_to(root: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    root.mkdir()
    (root / "data").symlink_to(tmp_path / "elsewhere")
    remove(root, ["data"])
    assert tree(tmp_path) == {"elsewhere": "/"}


@pytest.mark.parametrize("command", ["release", "prune", "secrets", "remove"])
def test_a_command_that_is_killed_at_any_step_is_completed_by_the_next_run(command: str, tmp_path: Path) -> None:
    found = json.loads(run([sys.executable, "-m", "tests.ops.hosts", command, tmp_path], cwd=PROJECT, timeout=60).stdout)
    assert found["steps"] > 10
    assert found["faults"] == []


def test_the_commands_do_what_they_say(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = tarball(tmp_path, "d1", {"edge-1": "x"})
    assert main(["--root", str(root), "folders", "--owner", OWNER, "data", "logs"]) == 0
    assert main(["--root", str(root), "release", str(release)]) == 0
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps({"user": "u"})))
    assert main(["--root", str(root), "secrets", "--owner", OWNER]) == 0
    assert {"data", "logs", "current", "secrets/user", "parts/edge-1/sub/file"} <= set(tree(root))
    assert main(["--root", str(root), "remove", "data", "logs", "current", "releases", "parts", "secrets"]) == 0
    assert not root.exists()


def test_services_can_read_parts_whatever_the_callers_umask(root: Path, tmp_path: Path) -> None:
    os.umask(0o077)
    assert main(["--root", str(root), "release", str(tarball(tmp_path, "d1", {"edge-1": "x"}))]) == 0
    for path in (root / "parts", *(root / "parts").rglob("*")):
        assert mode(path) & 0o055 == (0o055 if path.is_dir() else 0o044), path


@pytest.mark.parametrize(
    ("arguments", "stdin", "told"),
    [
        (["release", "missing.tar"], "", "No such file or directory: 'missing.tar'"),
        (["secrets", "--owner", OWNER], '{"user": "hunter2"', "delimiter"),
        (["secrets", "--owner", OWNER], '["hunter2"]', "a JSON object"),
        (["secrets", "--owner", OWNER], '{"user": {"a": "hunter2"}}', "a JSON object"),
        (["secrets", "--owner", OWNER], '{"../user": "hunter2"}', "'../user' is not a relative path"),
        (["folders", "--owner", OWNER, "/etc"], "", "'/etc' is not a relative path"),
        (["remove", ".."], "", "'..' is not a relative path"),
    ],
)
def test_faults_are_reported_in_one_line(root: Path, arguments: list[str], stdin: str, told: str) -> None:
    with redirect_stderr(io.StringIO()) as stderr, mock.patch("sys.stdin", io.StringIO(stdin)):
        assert main(["--root", str(root), *arguments]) == 1
    shown = stderr.getvalue()
    assert shown.startswith(f"ops.host.provision {arguments[0]}: ")
    assert told in shown
    assert shown.count("\n") == 1
    assert "hunter2" not in shown


def test_a_file_that_is_not_an_archive_is_reported(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "odd.tar").write_text("odd")
    assert main(["--root", str(root), "release", str(tmp_path / "odd.tar")]) == 1
    assert "ops.host.provision release: " in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["folders", "--owner", "root", "data"], ["folders", "--owner", "1", "data"], ["folders"], []]
)
def test_wrong_usage_has_its_own_exit_code(root: Path, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--root", str(root), *arguments])
    assert ended.value.code == 2
    assert not root.exists()


def test_with_a_revision_it_records_what_it_has_installed(root: Path, tmp_path: Path) -> None:
    release = tarball(tmp_path, "d1", {"edge-1": "x"})
    assert main(["--root", str(root), "--revision", "m1", "release", str(release)]) == 0
    assert main(["--root", str(root), "--revision", "m1", "hot-reloaded", "edge"]) == 0
    with mock.patch.object(sys, "stdin", io.StringIO(json.dumps({"pass": "word", "live/gateway/c1/rights": "r"}))):
        assert main(["--root", str(root), "--revision", "m1", "secrets", "--owner", OWNER]) == 0
    assert look(root) == ("m1", [])
    file = (root / "live/edge/current").resolve() / "sub/file"
    file.write_text("by hand")
    (root / "secrets" / "pass").chmod(0o644)
    point(root / "secrets/live/gateway/current", "elsewhere")
    assert look(root)[1] == [str(file), str(root / "secrets/live/gateway/current"), str(root / "secrets" / "pass")]


def test_a_command_that_fails_records_no_revision(root: Path, tmp_path: Path) -> None:
    with redirect_stderr(io.StringIO()):
        assert main(["--root", str(root), "--revision", "m1", "release", str(tmp_path / "none.tar")]) == 1
    assert look(root) == ("", [])


def test_a_file_that_is_about_to_be_written_is_waited_for(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "data").mkdir(parents=True)
    writer = threading.Timer(0.5, lambda: write_atomic(root / "data" / "root.crt", "certificate\n"))
    writer.start()
    assert main(["--root", str(root), "show", "data/root.crt"]) == 0
    writer.join()
    assert capsys.readouterr().out == "certificate\n"


def test_a_file_that_does_not_appear_is_named(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.host.provision._SHOW_LIMIT_S", 0.3)
    assert main(["--root", str(root), "show", "data/root.crt"]) == 1
    assert "data/root.crt" in capsys.readouterr().err
