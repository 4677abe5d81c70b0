"""The commands behind the Makefile: what each of them needs, and the exit code of every kind of failure."""

from __future__ import annotations

import errno
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import docker
import pytest

from infra.cache import CacheBusyError
from infra.images import Image
from infra.paths import PROJECT_FOLDER
from infra.settings import SettingsError
from ops.core.process import CommandError
from tools.bootstrap import __main__ as subject
from tools.bootstrap import images, session, set_up
from tools.bootstrap.__main__ import main
from tools.bootstrap.engine import Engine
from tools.bootstrap.errors import NoSpaceError, SetupError, StackBusyError
from tools.bootstrap.session import Session, open_session
from tools.bootstrap.stack import Stack

OUTPUTS = {
    "registry": "localhost:8080",
    "registry_url": "http://127.0.0.1:8080",
    "registry_url_tls": "https://127.0.0.1:8443",
    "registry_user": "admin",
    "password_file": "/root/secrets/registry_pass",
    "root": "/root",
}


def refuse(*_: object, **__: object) -> NoReturn:
    raise AssertionError("this must not be asked for")


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of the test's own, and no wishes of the user who runs the tests."""
    for name in ("PLUGINS", "IMAGES", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(subject, "_STATE", tmp_path / "state")
    return tmp_path / "state"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A machine with an engine, on which nothing may be set up; returns the CLI's commands, which all print the outputs."""
    calls: list[str] = []

    def pulumi(_: Stack, arguments: list[str], **__: object) -> Any:
        calls.append(" ".join(arguments))
        return type("Completed", (), {"stdout": json.dumps(OUTPUTS)})

    monkeypatch.setattr(session, "check_space", refuse)
    monkeypatch.setattr(set_up, "ensure_lock", refuse)
    monkeypatch.setattr(set_up, "ensure_docker", lambda: "tcp://127.0.0.1:1")
    monkeypatch.setattr(set_up, "ensure_engine", lambda *_, **__: Engine(tmp_path, tmp_path, "stand-in"))
    monkeypatch.setattr(Stack, "pulumi", pulumi)
    return calls


def create(state: Path) -> None:
    """Leave what a stack in the backend is known by."""
    checkpoint = state / "backend" / ".pulumi" / "stacks" / "private-registry" / "local.json"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_text("{}")
    (state / "passphrase").write_text("secret")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SetupError("told"), 1),
        (SettingsError(["told"]), 10),
        (NoSpaceError("told"), 14),
        (StackBusyError("told"), 75),
        (CacheBusyError("told"), 75),
        (CommandError("told"), 1),
        (OSError(errno.ENOSPC, "told"), 14),
        (OSError(errno.EACCES, "told"), 1),
        (KeyboardInterrupt(), 130),
    ],
    ids=repr,
)
def test_every_failure_is_one_message_and_its_code(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        raise error

    monkeypatch.setattr(subject, "open_session", fail)
    assert main(["up"]) == code
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("error: ")
    assert ("interrupted" if code == 130 else "told") in told.err


def test_a_stack_without_a_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--stack", "no-such", "up"]) == 1
    assert "Pulumi.no-such.yaml" in capsys.readouterr().err


def test_a_stack_elsewhere_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--stack", "prod", "up"]) == 1
    assert "describes a stack on Hetzner" in capsys.readouterr().err


def test_up_ends_with_the_address(
    monkeypatch: pytest.MonkeyPatch, machine: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def see(*_: object, **__: object) -> None:
        asked.append("space")

    def lock(_: Path, lock: Path, *__: object) -> Path:
        asked.append("images")
        return lock

    monkeypatch.setattr(session, "check_space", see)
    monkeypatch.setattr(set_up, "ensure_lock", lock)
    monkeypatch.setattr(Session, "up", lambda _: OUTPUTS)
    assert main(["up"]) == 0
    assert asked == ["space", "images"]
    assert "Your registry is up at localhost:8080 (stand-in plugins)" in capsys.readouterr().out
    assert machine == []


def test_outputs_before_any_up_say_so_and_set_up_nothing(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("ensure_docker", "ensure_engine", "ensure_lock"):
        monkeypatch.setattr(set_up, name, refuse)
    assert main(["outputs"]) == 1
    assert capsys.readouterr().err == "error: nothing is up yet: run `make up` first\n"
    assert not state.exists()


def test_outputs_after_down_say_so_too(
    state: Path, machine: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    create(state)
    monkeypatch.setattr(Stack, "outputs", lambda _: {})
    assert main(["outputs"]) == 1
    assert "nothing is up yet" in capsys.readouterr().err
    assert machine == []


def test_outputs_need_neither_space_nor_images(state: Path, machine: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    create(state)
    assert main(["outputs"]) == 0
    assert json.loads(capsys.readouterr().out) == OUTPUTS
    assert machine == ["stack output --stack local --json --show-secrets"]


def test_down_needs_neither_space_nor_images(
    machine: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Session, "destroy", lambda _: machine.append("destroy"))
    assert main(["down"]) == 0
    assert machine == ["destroy"]
    assert "error" not in capsys.readouterr().err


def test_a_cli_command_becomes_the_cli(state: Path, machine: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def replace(argv: list[str], environment: Mapping[str, str]) -> None:
        machine.append(" ".join(argv[3:]))
        assert environment["PULUMI_STACK"] == "local"

    monkeypatch.setattr(subject, "replace_process", replace)
    assert main(["pulumi", "--", "stack", "export", "--show-secrets"]) == 0
    assert main(["pulumi", "config", "get", "name"]) == 0
    own = PROJECT_FOLDER / "Pulumi.local.yaml"
    assert machine == [
        "stack init local --no-select",
        "stack export --show-secrets",
        "stack init local --no-select",
        f"config --config-file {own} get name",
    ]
    assert not (state / "images.lock").exists()


def test_the_lock_of_the_last_up_is_used_again(
    state: Path, machine: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_: object, __: Image) -> bool:
        return False

    monkeypatch.setattr(images, "_is_there", missing)
    monkeypatch.setattr(docker, "DockerClient", lambda **_: (tmp_path / "no-such").open("w"))
    opened = open_session("local", PROJECT_FOLDER / "Pulumi.local.yaml", state, purpose="use")
    assert "images_lock" not in opened.stack.extra
    state.mkdir()
    (state / "images.lock").touch()
    opened = open_session("local", PROJECT_FOLDER / "Pulumi.local.yaml", state, purpose="use")
    assert opened.stack.extra["images_lock"] == str(state / "images.lock")
    assert machine == []
