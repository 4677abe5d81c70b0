"""Emulated Storage Boxes: keys, rsync both ways, what is refused, and how many connections there are."""

from __future__ import annotations

import asyncio
import contextlib
import time
from hashlib import sha256
from pathlib import Path

import asyncssh
import pytest

from ops.backups.checksums import Shell
from tests.tools.emulation.box import PASSWORD, READER, WRITER, Box, by_password
from tools.emulation.box_shell import CONNECTIONS, UNKNOWN

pytestmark = pytest.mark.system

_LIMIT_S = 30.0


def test_a_key_installed_by_password_opens_the_account(box: Box) -> None:
    done = box.run("pwd")
    assert (done.returncode, done.stdout) == (0, "/home\n")


def test_a_key_is_installed_beside_the_others_and_once(box: Box) -> None:
    before = box.console("cat /data/stack/.ssh/authorized_keys")
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    for _ in range(2):
        assert box.run("install-ssh-key", stdin=f"{other}\n").returncode == 0
    assert box.console("cat /data/stack/.ssh/authorized_keys").splitlines() == [*before.splitlines(), other]


@pytest.mark.parametrize(("user", "password"), [(WRITER, PASSWORD + "x"), ("u1-sub3", PASSWORD), ("root", PASSWORD)])
def test_nobody_else_gets_in(box: Box, user: str, password: str) -> None:
    with pytest.raises(asyncssh.PermissionDenied):
        by_password(box, user, password, "ls")


def test_rsync_brings_files_there_and_back(box: Box, tree: Path, tmp_path: Path, name: str) -> None:
    sent = box.rsync("-rt", "--no-perms", "--no-owner", "--no-group", f"{tree}/", f"box:{name}/")
    assert sent.returncode == 0, sent.stderr
    back = box.rsync("-rt", f"box:{name}/", tmp_path / "back", user=READER)
    assert back.returncode == 0, back.stderr
    assert {
        path.relative_to(tmp_path / "back"): path.read_text() for path in (tmp_path / "back").rglob("*") if path.is_file()
    } == {path.relative_to(tree): path.read_text() for path in tree.rglob("*") if path.is_file()}
    again = box.rsync("-rt", "--itemize-changes", f"{tree}/", f"box:/home/{name}/")
    assert (again.returncode, again.stdout) == (0, "")


def test_what_is_written_comes_back_by_commands(box: Box, name: str) -> None:
    assert box.run(f"mkdir -p {name}/deep").returncode == 0
    assert box.run(f"dd of={name}/deep/file", stdin="hello\n").returncode == 0
    assert box.run(f"cp {name}/deep/file {name}/copy").returncode == 0
    assert box.run(f"mv {name}/copy {name}/moved").returncode == 0
    for program in ("sha256", "sha256sum"):
        summed = box.run(f"{program} {name}/moved").stdout.split()
        assert summed[0] == "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
    assert box.run(f"ls {name}").stdout.split() == ["deep", "moved"]
    assert box.run(f"cat /home/{name}/deep/file").stdout == "hello\n"
    assert box.run(f"rm -r {name}").returncode == 0
    assert box.run(f"ls {name}").returncode != 0


def test_a_box_computes_checksums_of_backups_itself(box: Box, name: str) -> None:
    packs = [sha256(content.encode()).hexdigest() for content in ("one", "two")]
    for pack, content in zip(packs, ("one", "two"), strict=True):
        box.run(f"mkdir -p {name}/data/{pack[:2]}")
        box.run(f"dd of={name}/data/{pack[:2]}/{pack}", stdin=content)
    there = Shell([*box.ssh, f"{WRITER}@{box.address}"], name)
    assert there.proves(packs)
    box.run(f"dd of={name}/data/{packs[1][:2]}/{packs[1]}", stdin="three")
    assert not there.proves(packs)


@pytest.mark.parametrize(
    "command",
    [
        *("sh -c ls", "bash", "find .", "python3", "echo hello", "test -e x", "stat x", "md5sum x", "env", "/bin/sh"),
        *("chown u1 x", "chgrp u1 x", "ln -s / x", "rsync", "rsync --version", "rsync --daemon", "sudo ls"),
    ],
)
def test_a_command_that_a_box_does_not_have_is_refused_with_code_8(box: Box, command: str) -> None:
    refused = box.run(command)
    assert (refused.returncode, refused.stdout) == (UNKNOWN, "")
    assert refused.stderr.startswith("Command not found. Use 'help'")


@pytest.mark.parametrize("command", ["ls; id", "ls | cat", "ls > got", "ls && id", "ls `id`", "ls $(id)", "ls\nid"])
def test_nothing_is_given_to_a_shell(box: Box, command: str) -> None:
    done = box.run(command)
    assert done.returncode != 0
    assert "uid=" not in done.stdout + done.stderr
    assert "got" not in box.run("ls").stdout


@pytest.mark.parametrize("command", ["", " ", "'"])
def test_an_invalid_command_leaves_no_traceback(box: Box, command: str) -> None:
    assert "Traceback" not in box.run(command).stderr


def test_the_reader_reads_and_cannot_change_anything(box: Box, tree: Path, name: str) -> None:
    box.run(f"dd of={name}", stdin="kept")
    assert box.run(f"cat {name}", user=READER).stdout == "kept"
    before = box.console("find /data | sort; cat /data/stack/.ssh/authorized_keys")
    changes = (
        "mkdir x",
        "touch x",
        f"rm {name}",
        f"mv {name} x",
        f"cp {name} x",
        f"chmod 777 {name}",
        "dd of=x",
        "install-ssh-key",
    )
    for command in (*changes, f"unlink {name}", "rmdir .ssh"):
        assert box.run(command, user=READER, stdin="x").returncode == UNKNOWN, command
    assert box.rsync("-r", f"{tree}/", "box:x/", user=READER).returncode != 0
    box.rsync("-r", "--remove-source-files", f"box:{name}", tree, user=READER)
    box.rsync("-r", "--remote-option=--log-file=/home/log", f"box:{name}", tree, user=READER)
    box.run("tree -o listed", user=READER)
    asyncio.run(_cannot_write_by_sftp(box, name))
    assert box.console("find /data | sort; cat /data/stack/.ssh/authorized_keys") == before


async def _cannot_write_by_sftp(box: Box, name: str) -> None:
    async with await box.connect(user=READER) as connection, connection.start_sftp_client() as sftp:
        async with sftp.open(name) as file:
            assert await file.read() == "kept"
        for change in (sftp.remove(name), sftp.mkdir("x"), sftp.rename(name, "x"), sftp.open("x", "w"), sftp.chmod(name, 0o777)):
            with pytest.raises(asyncssh.SFTPError):
                await change


def test_nothing_of_others_is_given_away(box: Box, tree: Path, name: str) -> None:
    done = box.rsync("-r", "--owner", "--group", "--numeric-ids", "--chown=1234:1234", f"{tree}/", f"box:{name}/")
    assert box.console(f"find /data/stack/{name} ! -uid 1000") == ""
    assert done.returncode in {0, 23}


def test_ten_connections_at_once_and_no_more_whatever_is_done_over_each(box: Box) -> None:
    async def crowd() -> int | None:
        async with contextlib.AsyncExitStack() as opened:
            for number in range(CONNECTIONS):
                connection = await opened.enter_async_context(await box.connect(user=WRITER if number % 2 else READER))
                for _ in range(2):
                    assert await (await connection.start_sftp_client()).getcwd()
            one_more = await opened.enter_async_context(await box.connect())
            return (await one_more.run("ls")).exit_status

    assert asyncio.run(asyncio.wait_for(crowd(), _LIMIT_S)) not in {0, None}
    until = time.monotonic() + _LIMIT_S
    while box.run("ls").returncode:  # they are free again, once the server has seen that they ended
        assert time.monotonic() < until


def test_sessions_stay_open_while_accounts_are_changed(box: Box) -> None:
    async def meanwhile() -> None:
        async with await box.connect() as connection, connection.start_sftp_client() as sftp:
            box.serve()
            async with sftp.open(".ssh/authorized_keys") as file:
                assert "ssh-ed25519" in str(await file.read())

    asyncio.run(asyncio.wait_for(meanwhile(), _LIMIT_S))
