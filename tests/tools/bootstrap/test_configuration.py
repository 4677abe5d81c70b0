"""What the engine reads is the operator's file, extended, with the salt that belongs to it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tools.bootstrap.configuration import configuration, plain_values
from tools.bootstrap.errors import SetupError

SECRET = {"secure": "v1:abc:def"}


def write(path: Path, content: object) -> Path:
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture
def generated(tmp_path: Path) -> Path:
    return tmp_path / "generated.yaml"


def test_keys_are_set_on_top(tmp_path: Path, generated: Path) -> None:
    own = write(tmp_path / "own.yaml", {"config": {"private-registry:name": "mine", "docker:host": "x"}})
    before = own.read_text()
    assert configuration(own, {"name": "other", "edge": {"http_port": 1}}, generated) == {
        "config": {"private-registry:name": "other", "docker:host": "x", "private-registry:edge": {"http_port": 1}}
    }
    assert own.read_text() == before


def test_the_engines_salt_is_kept(tmp_path: Path, generated: Path) -> None:
    own = write(tmp_path / "own.yaml", {})
    write(generated, {"config": {"private-registry:name": "old"}, "encryptionsalt": "engine's"})
    assert configuration(own, {}, generated) == {"config": {}, "encryptionsalt": "engine's"}


def test_the_salt_of_the_operators_secrets_comes_first(tmp_path: Path, generated: Path) -> None:
    content = {"config": {"private-registry:registry_pass": SECRET}, "encryptionsalt": "own"}
    write(generated, {"encryptionsalt": "engine's"})
    assert configuration(write(tmp_path / "own.yaml", content), {}, generated) == content


def test_what_is_checked_has_no_prefix_and_no_secrets(tmp_path: Path) -> None:
    config = {"private-registry:name": "mine", "private-registry:registry_pass": SECRET, "docker:host": "x"}
    assert plain_values(write(tmp_path / "own.yaml", {"config": config})) == {"name": "mine"}
    logins = {"private-registry:upstream_logins": {"quay.io": {"user": "robot", "token": SECRET}}}
    assert plain_values(write(tmp_path / "own.yaml", {"config": logins})) == {"upstream_logins": {"quay.io": {"user": "robot"}}}
    assert plain_values(write(tmp_path / "own.yaml", None)) == {}


@pytest.mark.parametrize("content", ["config: [a, b]", "- config", "config: {", "\x00"])
def test_a_file_that_is_no_configuration_is_named(tmp_path: Path, generated: Path, content: str) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(content)
    with pytest.raises(SetupError, match=str(own)):
        plain_values(own)
    with pytest.raises(SetupError, match=str(own)):
        configuration(own, {}, generated)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"cannot read .*own\.yaml: .*No such file"):
        plain_values(tmp_path / "own.yaml")


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(SetupError, match=r"cannot read .*own\.yaml"):
        plain_values(tmp_path / "own.yaml")
