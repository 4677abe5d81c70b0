"""Copies over SSH to a real sshd; with OFFICIAL_PLUGINS the official plugin is held to the same answers."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.tools.offline.plugins.client import COPY, Answer, Client, Refused
from tests.tools.offline.plugins.command.sshd import Sshd
from tools.offline.plugins.values import UNKNOWN, Asset, Properties, Secret

pytestmark = pytest.mark.system

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_ASSET = "c44067f5952c0a294b673a41bacd8c17"
_ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"


def file_asset(path: Path) -> Properties:
    """Return a FileAsset as the engine sends it."""
    return {_SIGNATURE: _ASSET, "path": str(path), "hash": hashlib.sha256(path.read_bytes()).hexdigest()}


def text_asset(text: str) -> Properties:
    """Return a StringAsset as the engine sends it."""
    return {_SIGNATURE: _ASSET, "text": text, "hash": hashlib.sha256(text.encode()).hexdigest()}


def file_archive(path: Path | str) -> Properties:
    """Return a FileArchive as the engine sends it; the hash of the archive does not matter here."""
    return {_SIGNATURE: _ARCHIVE, "path": str(path), "hash": "h"}


class Copier:
    """Copies to one server as the engine does."""

    def __init__(self, client: Client, server: Sshd) -> None:
        self.client = client
        self.wanted: Properties = {"connection": server.connection()}

    def check(self, source: Any, path: Any, **more: Any) -> Properties:
        inputs, failures = self.client.check(COPY, {**self.wanted, "source": source, "remotePath": str(path), **more})
        assert failures == []
        return inputs

    def copy(self, source: Any, path: Any) -> Answer:
        return self.client.create(COPY, self.check(source, path))

    def update(self, made: Answer, source: Any, path: Any, **more: Any) -> Properties:
        news = self.check(source, path, **more)
        return self.client.update(COPY, made.identifier, made.state, made.state, news)

    def refusal(self, source: Any, path: Any) -> str:
        with pytest.raises(Refused) as raised:
            self.copy(source, path)
        return str(raised.value)


@pytest.fixture
def copier(client: Client, server: Sshd) -> Copier:
    return Copier(client, server)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_text("content")
    path.chmod(0o711)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "file").write_text("content")
    (folder / "sub" / "file").write_text("below")
    (folder / "link").symlink_to("file")
    return folder


def listed(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_file_is_copied_with_the_folders_above_it(copier: Copier, file: Path, tmp_path: Path) -> None:
    made = copier.copy(file_asset(file), tmp_path / "new" / "deep" / "copy")
    assert (tmp_path / "new" / "deep" / "copy").read_text() == "content"
    assert (tmp_path / "new" / "deep" / "copy").stat().st_mode & 0o777 == 0o644  # not the source's
    assert len(made.identifier) == 8
    copier.client.delete(COPY, made.identifier, made.state)
    assert (tmp_path / "new" / "deep" / "copy").exists()


def test_a_file_is_overwritten_and_goes_into_a_folder_that_is_there(copier: Copier, file: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").write_text("something much longer")
    (tmp_path / "there").mkdir()
    copier.copy(file_asset(file), tmp_path / "copy")
    copier.copy(file_asset(file), tmp_path / "there")
    assert (tmp_path / "copy").read_text() == (tmp_path / "there" / "file").read_text() == "content"


def test_a_text_is_copied_to_a_file_only(copier: Copier, tmp_path: Path) -> None:
    copier.copy(text_asset("text é"), tmp_path / "new" / "copy")
    copier.copy(Secret(text_asset("")), tmp_path / "empty")
    assert (tmp_path / "new" / "copy").read_text() == "text é"
    assert (tmp_path / "empty").read_text() == ""
    said = f"remote path {tmp_path} is a directory; when using a text asset, remotePath must be a file path"
    assert copier.refusal(text_asset("text"), tmp_path) == said


def test_a_folder_is_copied_as_with_scp(copier: Copier, folder: Path, tmp_path: Path) -> None:
    content = ["empty", "file", "link", "sub", "sub/file"]
    for name in ("new/one", "new/one"):  # there or not
        copier.copy(file_archive(folder), tmp_path / name)
        assert listed(tmp_path / name) == ["folder", *(f"folder/{path}" for path in content)]
    copier.copy(file_archive(f"{folder}/"), tmp_path / "new" / "two")
    assert listed(tmp_path / "new" / "two") == content
    assert not (tmp_path / "new" / "two" / "link").is_symlink()


def test_an_archive_that_is_a_file_is_not_unpacked(copier: Copier, file: Path, tmp_path: Path) -> None:
    copier.copy(file_archive(file), tmp_path / "copy")
    assert (tmp_path / "copy").read_text() == "content"


def test_what_cannot_be_copied_is_told(copier: Copier, file: Path, folder: Path, tmp_path: Path) -> None:
    asset = file_asset(file)
    assert copier.refusal(asset, "/proc/none") == "failed to create remote file /proc/none: file does not exist"
    said = copier.refusal(asset, file / "below")
    assert said.startswith(f"failed to create parent directories for {file}/below: ")
    said = copier.refusal(file_archive(f"{folder}/"), file)
    assert said == f"remote path {file} exists but is not a directory"
    file.unlink()
    assert copier.refusal(asset, tmp_path / "copy") == f"open {file}: no such file or directory"
    (folder / "dangling").symlink_to("sub")
    assert "dangling: is a directory" in copier.refusal(file_archive(folder), tmp_path / "copy")


def test_only_other_content_or_another_path_copies_again(copier: Copier, tmp_path: Path) -> None:
    path = tmp_path / "copy"
    made = copier.copy(text_asset("first"), path)
    path.write_text("by hand")
    connection = {**copier.wanted["connection"], "perDialTimeout": 3}
    copier.update(made, text_asset("first"), path, connection=connection)
    assert path.read_text() == "by hand"
    copier.update(made, text_asset("second"), path)
    assert path.read_text() == "second"
    copier.update(made, text_asset("first"), tmp_path / "other")
    assert (tmp_path / "other").read_text() == "first"
    assert path.exists()


def test_differences_are_those_of_content_and_path(copier: Copier, file: Path, tmp_path: Path) -> None:
    def detailed(source: Any, path: Path, **more: Any) -> Any:
        news = copier.check(source, path, **more)
        return copier.client.diff(COPY, olds, olds, news)["detailed"]

    path = tmp_path / "copy"
    olds = copier.check(file_asset(file), path, triggers=["a"])
    assert detailed(file_asset(file), path, triggers=["a"]) == {}
    assert detailed(text_asset("content"), path, triggers=["a"]) == {}
    assert detailed(text_asset("other"), path, triggers=["a"]) == {"source": "UPDATE"}
    assert detailed(file_archive(file), path, triggers=["a"]) == {"source": "UPDATE"}
    assert detailed(file_asset(file), file, triggers=["a"]) == {"remotePath": "UPDATE"}
    assert detailed(file_asset(file), path, triggers=["b"]) == {"triggers[0]": "UPDATE"}
    assert detailed(file_asset(file), path) == {"triggers": "DELETE_REPLACE"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"unheard": 1}, "Unrecognized field 'unheard' on 'remote.CopyToRemoteInputs'"),
        ({"triggers": "x"}, "Field 'triggers' on 'remote.CopyToRemoteInputs' must be a '[]interface {}'; got 'string' instead"),
        (
            {"connection": "x"},
            "Field 'connection' on 'remote.CopyToRemoteInputs' must be a 'remote.Connection'; got 'string' instead",
        ),
        ({"remotePath": None}, "Missing required field 'remotePath' on 'remote.CopyToRemoteInputs'"),
        ({"remotePath": 5}, "Field 'remotePath' on 'remote.CopyToRemoteInputs' must be a 'string'; got 'float64' instead"),
        ({"source": "x"}, "either asset or archive must be set"),
        ({"source": Secret(UNKNOWN)}, "either asset or archive must be set"),
    ],
)
def test_wrong_inputs_are_refused(change: Properties, said: str, client: Client) -> None:
    inputs = {"connection": {"host": "h"}, "source": text_asset("t"), "remotePath": "/x", **change}
    assert client.check(COPY, inputs)[1] == [said]


def test_a_preview_copies_nothing(copier: Copier, tmp_path: Path) -> None:
    made = copier.client.create(COPY, copier.check(text_asset("text"), tmp_path / "copy"), preview=True)
    assert made.state["source"] is UNKNOWN
    assert not (tmp_path / "copy").exists()


def test_what_is_read_is_what_is_in_the_state(copier: Copier, tmp_path: Path) -> None:
    made = copier.copy(text_asset("text"), tmp_path / "copy")
    (tmp_path / "copy").unlink()
    found = copier.client.read(COPY, made.identifier, made.state, made.state)
    assert found is not None
    assert found[0].state == made.state
    assert isinstance(made.state["source"], Asset)


def test_a_large_file_is_copied_quickly(copier: Copier, tmp_path: Path) -> None:
    block = os.urandom(1024 * 1024)
    with (tmp_path / "large").open("wb") as large:
        for _ in range(100):
            large.write(block)
    started = time.monotonic()
    copier.copy({_SIGNATURE: _ASSET, "path": str(tmp_path / "large"), "hash": "h"}, tmp_path / "copy")
    assert time.monotonic() - started < 30
    assert (tmp_path / "copy").stat().st_size == 100 * len(block)
    with (tmp_path / "copy").open("rb") as copy:
        assert all(copy.read(len(block)) == block for _ in range(100))
