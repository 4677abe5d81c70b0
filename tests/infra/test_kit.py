"""The recovery kit is declared for a server that asks for one, and written again when what it is about changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pulumi
import pytest

from ops.config import KitRequest
from tests.declared import Declarations, declare

COMMAND = "command:local:Command"
KIT = {"recovery_kit": "~/kit.age", "recovery_kit_passphrase": "what the operator remembers"}
SERVER = {
    "place": "hetzner",
    "registry_host": "registry.example.com",
    "hetzner": json.dumps({"ssh_from": ["203.0.113.7/32"]}),
    "edge": json.dumps({"acme_email": "ann@example.com"}),
}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the engine runs the program in."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "root_directory" / "Pulumi.test.yaml"  # as the SDK calls it where there is no engine
    file.parent.mkdir()
    file.write_text("config: {}\n")
    return file


def kits(declared: Declarations) -> list[Any]:
    return [one for one in declared.of_type(COMMAND) if one.name == "recovery-kit"]


def request_of(**settings: str) -> KitRequest:
    (kit,) = kits(declare({**SERVER, **KIT, **settings}))
    assert "stdin" in kit.secret
    assert "/" not in kit.inputs["create"].removeprefix("bin/")
    return KitRequest.model_validate_json(kit.inputs["stdin"])


def test_it_has_what_the_program_knows() -> None:
    request = request_of()
    assert (request.file, request.stack, request.settings) == ("~/kit.age", "test", "config: {}\n")
    assert request.backups is not None
    assert request.backups.target.startswith("ssh://")
    assert "PRIVATE KEY" in request.backups.key
    assert request.backups.password != request.backups.second_password
    assert request == request_of()
    assert request != request_of(hub_user="ann", hub_token="a token of hers")


def test_without_the_setting_there_is_none() -> None:
    assert kits(declare(SERVER)) == []


def test_settings_that_are_kept_elsewhere_are_missed(project: Path) -> None:
    project.unlink()
    with pytest.raises(pulumi.RunError, match=r"Pulumi\.test\.yaml is missing"):
        declare({**SERVER, **KIT, "recovery_kit": "elsewhere.age"})  # a program that has run once is remembered


def test_one_that_is_gone_is_written_again(tmp_path: Path) -> None:
    file = tmp_path / "usb" / "kit.age"
    file.parent.mkdir()
    settings = {**SERVER, **KIT, "recovery_kit": str(file)}
    first, again = (kits(declare(settings | {"name": name}))[0] for name in ("registry-one", "registry-two"))
    assert first.inputs["triggers"] != again.inputs["triggers"]
    assert "triggers" not in first.ignored
    file.touch()
    (there,) = kits(declare(settings | {"name": "registry-three"}))
    assert (there.inputs.get("triggers"), there.ignored) == (None, {"triggers"}), "it stays as it was"
