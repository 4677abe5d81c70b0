"""What an account of an emulated Storage Box cannot reach: files of others, by paths, options, links, rsync or SFTP."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import asyncssh
import pytest

from tests.tools.emulation.box import Box

pytestmark = pytest.mark.system


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
