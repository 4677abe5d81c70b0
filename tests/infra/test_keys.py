"""The program's own key: during a rotation both may log in, and the old one only goes when the new one has come in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.hetzner.prepare import prepare_script
from infra.keys import let_in, public_half, shut_out
from ops.core.process import run
from tests.declared import declare, private_key
from tests.plans import SSH_FROM

OLD, NEW, THEIRS = "ssh-ed25519 AAAAold", "ssh-ed25519 AAAAnew", "ssh-ed25519 AAAAtheirs ann's laptop"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Who may log in: the program, and somebody whose key was added by hand."""
    file = tmp_path / "authorized_keys"
    file.write_text(f"{OLD}\n{THEIRS}\n")
    file.chmod(0o600)
    return file


def test_a_new_key_is_let_in_once(file: Path) -> None:
    for _ in range(2):
        run(["sh", "-euc", let_in(NEW, str(file))], timeout=10)
    assert file.read_text() == f"{OLD}\n{THEIRS}\n{NEW}\n"


def test_an_old_key_is_shut_out_and_others_stay(file: Path) -> None:
    run(["sh", "-euc", let_in(NEW, str(file))], timeout=10)
    for _ in range(2):
        run(["sh", "-euc", shut_out(OLD, str(file))], timeout=10)
    assert file.read_text() == f"{THEIRS}\n{NEW}\n"
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_last_key_stays(file: Path) -> None:
    file.write_text(f"{OLD}\n")
    done = run(["sh", "-euc", shut_out(OLD, str(file))], timeout=10, check=False)
    assert (done.returncode, "no other key may log in" in done.stderr) == (1, True)
    assert file.read_text() == f"{OLD}\n"


@pytest.mark.parametrize(
    ("stage", "used", "changed"),
    [
        ("announced", "login-key", ("login-key-2", let_in)),
        ("used", "login-key-2", ("login-key", shut_out)),
        ("done", "login-key-2", None),
    ],
)
def test_each_stage_comes_in_by_the_key_that_the_one_before_has_left(
    stage: str, used: str, changed: tuple[str, Callable[[str], str]] | None
) -> None:
    rotation = json.dumps({"login-key": {"generation": 2, "stage": stage}})
    hetzner, off = json.dumps(SSH_FROM), '{"enabled": false}'
    declared = declare(
        {"place": "hetzner", "registry_host": "registry.example.com", "hetzner": hetzner, "sync": off, "rotation": rotation}
    )
    ready = declared.named("ready").inputs
    keys = {command.name: command.inputs for command in declared.of_type("command:local:Command") if "login-key" in command.name}
    assert set(keys) == {used, *([changed[0]] if changed else [])}
    assert ready["connection"]["privateKey"] == private_key(used) + "\n"
    expected = changed[1](public_half(private_key(changed[0]) + "\n")) if changed else ""
    assert ready["stdin"].startswith(expected + prepare_script().partition("for package")[0])
