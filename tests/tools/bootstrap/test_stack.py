"""A stack's CLI commands, and with the real engine: secrets that an operator sets, and what opens them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from infra.paths import PROJECT_FOLDER, cache_folder
from ops.core.process import Completed, run
from tools.bootstrap import stack as subject
from tools.bootstrap.engine import Engine
from tools.bootstrap.errors import SetupError
from tools.bootstrap.official import LANGUAGE_HOST
from tools.bootstrap.stack import Stack, is_created
from tools.offline.cli import ensure_cli
from tools.offline.plugins.install import install_language_host

OWN = """\
# Mine.
config:
  private-registry:place: local  # here
"""
PROGRAM = """\
import pulumi

pulumi.export("given", pulumi.Config().get_secret("registry_pass"))
pulumi.export("made", pulumi.Output.secret("made at the first up"))
"""


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack whose CLI is not there."""
    for name in ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_STACK"):
        monkeypatch.delenv(name, raising=False)
    config = tmp_path / "Pulumi.own.yaml"
    config.write_text(OWN)
    return Stack("test", tmp_path / "state", Engine(tmp_path / "bin", tmp_path / "home", "stand-in"), config)


def command(stack: Stack, *arguments: str) -> list[str]:
    return stack.command(arguments)[0][3:]


def test_the_stack_is_selected_for_every_command(stack: Stack) -> None:
    assert stack.command(["stack", "export"])[1]["PULUMI_STACK"] == "test"


def test_config_commands_work_on_the_operators_file(stack: Stack) -> None:
    own = ["--config-file", str(stack.config)]
    assert command(stack, "config") == ["config", *own]
    assert command(stack, "config", "set", "--secret", "a", "b") == ["config", *own, "set", "--secret", "a", "b"]
    assert command(stack, "--non-interactive", "config", "get", "a") == ["--non-interactive", "config", *own, "get", "a"]


@pytest.mark.parametrize(
    "arguments", [[], ["stack", "export"], ["up", "--config", "a=b"], ["config", "--config-file=x", "get"], ["logs", "config"]]
)
def test_other_commands_are_as_given(stack: Stack, arguments: list[str]) -> None:
    assert command(stack, *arguments) == arguments


def test_a_passphrase_that_is_gone_is_told(stack: Stack) -> None:
    checkpoint = stack.state / "backend" / ".pulumi" / "stacks" / "private-registry" / "test.json"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.touch()
    assert is_created(stack.state, "test")
    assert not is_created(stack.state, "other")
    with pytest.raises(SetupError, match=rf"{stack.passphrase_file} is missing, .* put it back"):
        stack.command(["stack"])


@pytest.fixture
def real(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """The stack with a real engine, and a small program instead of ours."""
    project = stack.config.parent / "project"
    project.mkdir()
    (project / "Pulumi.yaml").write_text((PROJECT_FOLDER / "Pulumi.yaml").read_text())
    (project / "__main__.py").write_text(PROGRAM)
    monkeypatch.setattr(subject, "PROJECT_FOLDER", project)
    engine = Engine(ensure_cli(cache_folder("offline")), stack.engine.home, "stand-in")
    install_language_host(engine.home / "plugins" / LANGUAGE_HOST, Path(sys.executable), PROJECT_FOLDER)
    return Stack(stack.name, stack.state, engine, stack.config)


def as_typed(stack: Stack, *arguments: str) -> Completed:
    """What `make pulumi ARGS="…"` runs."""
    argv, environment = stack.command(["--non-interactive", *arguments])
    return run(argv, timeout=60, env=environment)


def seen_by_the_engine(stack: Stack, key: str) -> str:
    """A value as it is in the file that `up` reads, decrypted."""
    return as_typed(stack, "config", f"--config-file={stack.folder / 'Pulumi.test.yaml'}", "get", key).stdout.strip()


@pytest.mark.system
def test_a_secret_that_the_operator_sets_reaches_the_program_and_stays(real: Stack) -> None:
    real.prepare()
    real.up()
    assert real.outputs() == {"given": "", "made": "made at the first up"}
    as_typed(real, "config", "set", "--secret", "registry_pass", "of-my-own")
    text = real.config.read_text()
    assert "# Mine." in text
    assert "of-my-own" not in text
    for _ in range(2):
        real.prepare()
        assert seen_by_the_engine(real, "registry_pass") == "of-my-own"
        assert as_typed(real, "config", "get", "registry_pass").stdout.strip() == "of-my-own"
        # What was encrypted before the file had a salt can be read before and after the next `up`.
        assert real.outputs()["made"] == "made at the first up"
        real.up()
        assert real.outputs()["given"] == "of-my-own"
    assert yaml.safe_load(real.config.read_text())["encryptionsalt"] in as_typed(real, "stack", "export").stdout


@pytest.mark.system
def test_a_secret_that_is_set_before_the_first_up_reaches_the_program(real: Stack) -> None:
    real.prepare()
    as_typed(real, "config", "set", "--secret", "registry_pass", "of-my-own")
    as_typed(real, "config", "set", "name", "mine")
    real.prepare()
    real.up()
    assert real.outputs()["given"] == "of-my-own"
    assert yaml.safe_load(real.config.read_text())["config"]["private-registry:name"] == "mine"


@pytest.mark.system
def test_secrets_of_another_passphrase_are_told_with_their_file(real: Stack) -> None:
    real.prepare()
    as_typed(real, "config", "set", "--secret", "registry_pass", "of-my-own")
    elsewhere = Stack(real.name, real.state.with_name("elsewhere"), real.engine, real.config)
    with pytest.raises(SetupError, match=rf"the secrets in {real.config} were encrypted with another passphrase"):
        elsewhere.prepare()
    elsewhere.passphrase_file.write_text(real.passphrase_file.read_text())
    elsewhere.prepare()
    assert seen_by_the_engine(elsewhere, "registry_pass") == "of-my-own"
