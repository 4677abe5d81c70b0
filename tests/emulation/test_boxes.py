"""Emulated Storage Boxes: keys, rsync both ways, what is refused, whom an account sees, and how many connections there are."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import docker
import pytest
from docker.models.containers import Container

from emulation.box_shell import CONNECTIONS, UNKNOWN
from emulation.boxes import PORT
from emulation.docker_machines import DockerMachines
from emulation.machines import BoxAccount
from offline.debian import apt_install
from ops.process import Completed, run
from tests.emulation.machines import console, machines

pytestmark = pytest.mark.system

HOST = "u1.example.com"
PASSWORD = "Correct-Horse-7-Battery"
MAIN, WRITER, READER = "u1", "u1-sub1", "u1-sub2"
ACCOUNTS = [
    BoxAccount(MAIN, PASSWORD, "", readonly=False, ssh=True),
    BoxAccount(WRITER, PASSWORD, "stack", readonly=False, ssh=True),
    BoxAccount(READER, PASSWORD, "stack", readonly=True, ssh=True),
    BoxAccount("u1-sub3", PASSWORD, "off", readonly=False, ssh=False),
]
_LIMIT_S = 30.0


@dataclass(frozen=True)
class Box:
    """An emulated box, reached from this machine.

    Attributes:
        machines: Where it is from.
        container: Its console.
        address: Where it is.
        folder: Has the key that opens the writer's and the reader's account, and the box's host key.
    """

    machines: DockerMachines
    container: Container
    address: str
    folder: Path

    @property
    def key(self) -> Path:
        return self.folder / "key"

    @property
    def ssh(self) -> list[str]:
        """The client with that key and no other, to a host that is known; one connection for all, which is faster."""
        options = {
            "UserKnownHostsFile": self.folder / "known_hosts",
            "BatchMode": "yes",
            "IdentitiesOnly": "yes",
            "ControlMaster": "auto",
            "ControlPath": self.folder / "%r",
            "ControlPersist": "5",
        }
        program = apt_install("openssh-client", "ssh", purpose="this test")
        words = [str(program), "-F", "/dev/null", "-p", str(PORT), "-i", str(self.key)]
        return [*words, *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]

    def run(self, command: str, *, user: str = WRITER, stdin: str | None = None) -> Completed:
        words = [*self.ssh, f"{user}@{self.address}", command]
        return run(words, timeout=_LIMIT_S, stdin=stdin, check=False)

    def rsync(self, *words: str | Path, user: str = WRITER) -> Completed:
        """Run rsync; `box:` in a word is the box."""
        program = apt_install("rsync", "rsync", purpose="this test")
        there = f"{user}@{self.address}:"
        told = [str(word).replace("box:", there) for word in words]
        return run([program, "--rsh", shlex.join(self.ssh), *told], timeout=_LIMIT_S, check=False)

    async def connect(self, *, user: str = WRITER, password: str | None = None) -> asyncssh.SSHClientConnection:
        keys = None if password else [str(self.key)]
        return await asyncssh.connect(
            self.address, PORT, username=user, password=password, client_keys=keys, known_hosts=None, config=None, agent_path=None
        )

    def serve(self) -> None:
        """Say again which accounts there are."""
        self.machines.serve_box(1, HOST, ACCOUNTS)

    def console(self, script: str) -> str:
        return console(self.container, script)


def by_password(box: Box, user: str, password: str, command: str, stdin: str = "") -> int | None:
    async def session() -> int | None:
        connection = await box.connect(user=user, password=password)
        async with connection:
            done = await connection.run(command, input=stdin)
        return done.exit_status

    return asyncio.run(asyncio.wait_for(session(), _LIMIT_S))


@pytest.fixture(scope="module")
def box(engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A box into which the key of the writer, and so the reader's, was put by its password."""
    with machines(engine) as (made, owner):
        made.serve_box(1, HOST, ACCOUNTS)
        (container,) = engine.containers.list(filters={"name": f"{owner}-box-1"})
        address = container.attrs["NetworkSettings"]["Networks"][owner]["IPAddress"]
        box = Box(made, container, address, tmp_path_factory.mktemp("box"))
        key = asyncssh.generate_private_key("ssh-ed25519")
        key.write_private_key(str(box.key))
        box.key.chmod(0o600)
        host = box.console("cat /data/.host-key.pub")
        (box.folder / "known_hosts").write_text(f"[{address}]:{PORT} {host}\n")
        public = key.export_public_key().decode()
        assert by_password(box, WRITER, PASSWORD, "install-ssh-key", public) == 0
        yield box


@pytest.fixture
def name() -> str:
    """A name for what a test makes below the account's folder."""
    return f"n{secrets.token_hex(4)}"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    (tree / "a").mkdir(parents=True)
    (tree / "a" / "one").write_text("1")
    (tree / "two words").write_text("2")
    return tree


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
    assert box.run(f"sha256 {name}/moved").stdout.split()[0] == "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
    assert box.run(f"ls {name}").stdout.split() == ["deep", "moved"]
    assert box.run(f"cat /home/{name}/deep/file").stdout == "hello\n"
    assert box.run(f"rm -r {name}").returncode == 0
    assert box.run(f"ls {name}").returncode != 0


@pytest.mark.parametrize(
    "command",
    [
        *("sh -c ls", "bash", "find .", "python3", "echo hello", "test -e x", "stat x", "sha256sum x", "env", "/bin/sh"),
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
def test_a_command_that_is_none_leaves_no_traceback(box: Box, command: str) -> None:
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


@pytest.fixture
def others(box: Box) -> str:
    """A file of another account of the box."""
    box.console("install -d -o 1000 /data/other && echo secret > /data/other/file && chown 1000 /data/other/file")
    return "other/file"


OUTSIDE = ("../{0}", "x/../../{0}", "/data/{0}", "/{0}", "/home/../{0}", "//data/{0}", "/etc/passwd", "/home/{0}")


@pytest.mark.parametrize(
    ("command", "path"),
    [
        *(("cat {0}", path) for path in OUTSIDE),
        *((command, path) for command in ("ls {0}", "dd if={0}", "rm -f {0}", "cp {0} here") for path in ("../{0}", "/data/{0}")),
    ],
)
def test_an_account_does_not_see_what_is_outside_its_folder(box: Box, others: str, command: str, path: str) -> None:
    done = box.run(command.format(path.format(others)))
    assert "secret" not in done.stdout
    assert "root:" not in done.stdout
    assert "here" not in box.run("ls").stdout
    assert box.console(f"cat /data/{others}") == "secret"


@pytest.mark.usefixtures("others")
@pytest.mark.parametrize("option", ["--files0-from=/data/other/file", "--exclude-from=/data/other/file", "-X/data/other/file"])
def test_an_option_cannot_name_a_file_outside_either(box: Box, option: str) -> None:
    for program in ("du", "cat", "sha256"):
        done = box.run(f"{program} {option}")
        assert "secret" not in done.stdout + done.stderr


@pytest.mark.parametrize("target", ["/data/other", "../other", "/etc"])
def test_a_link_that_rsync_made_leads_nowhere_outside(box: Box, others: str, target: str, tmp_path: Path, name: str) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / name).symlink_to(target)
    box.rsync("-rl", f"{tmp_path}/links/", "box:")
    (tmp_path / "mine").write_text("mine")
    file = "file" if "other" in target else "passwd"
    assert "secret" not in box.run(f"cat {name}/{file}").stdout
    box.run(f"dd of={name}/{file}", stdin="mine")
    box.run(f"dd of={name}/new", stdin="mine")
    box.rsync(tmp_path / "mine", f"box:{name}/new")
    for words in (
        [f"box:{name}/{file}"],
        ["-rL", f"box:{name}"],
        ["-r", f"box:{name}/"],
        ["-r", "--copy-unsafe-links", "box:./"],
    ):
        box.rsync(*words, tmp_path / "got")
    got = [path.read_bytes() for path in (tmp_path / "got", *tmp_path.glob("got/**/*")) if path.is_file()]
    assert not [text for text in got if b"secret" in text or b"root:" in text]
    assert box.console(f"cat /data/{others}; ls /data/other") == "secret\nfile"
    asyncio.run(_sees_nothing_by_sftp(box, [f"{name}/{file}", "../other/file", "/data/other/file", "/etc/passwd"]))
    box.run(f"rm {name}")


async def _sees_nothing_by_sftp(box: Box, paths: list[str]) -> None:
    async with await box.connect() as connection, connection.start_sftp_client() as sftp:
        for path in paths:
            with contextlib.suppress(asyncssh.SFTPError):
                async with sftp.open(path) as file:
                    text = str(await file.read())
                    assert "secret" not in text
                    assert "root:" not in text


def test_rsync_cannot_be_told_a_path_outside(box: Box, others: str, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    for path in ("../other/", "/data/other/", "/home/../other/"):
        box.rsync(tmp_path / "mine", f"box:{path}")
        box.rsync("-r", f"box:{path}", tmp_path / "got")
    for option in ("--link-dest=/data/other", "--temp-dir=/data/other", "--remote-option=--log-file=/data/other/log"):
        box.rsync(option, tmp_path / "mine", "box:")
    (tmp_path / "mine").write_text("other")
    box.rsync("--backup", "--backup-dir=/data/other", tmp_path / "mine", "box:")
    assert not [path for path in tmp_path.rglob("got/*") if "secret" in path.read_text()]
    assert box.console(f"cat /data/{others}; ls /data/other") == "secret\nfile"


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
    assert box.run("ls").returncode == 0  # they are free again


def test_sessions_stay_open_while_accounts_are_changed(box: Box) -> None:
    async def meanwhile() -> None:
        async with await box.connect() as connection, connection.start_sftp_client() as sftp:
            box.serve()
            async with sftp.open(".ssh/authorized_keys") as file:
                assert "ssh-ed25519" in str(await file.read())

    asyncio.run(asyncio.wait_for(meanwhile(), _LIMIT_S))
