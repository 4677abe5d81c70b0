"""A stack's CLI commands, and with the real engine: secrets that an operator sets, and what opens them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from infra.paths import PROJECT_FOLDER, cache_folder
from ops.core.process import CommandError, Completed, run
from tools.bootstrap import passphrase
from tools.bootstrap import stack as subject
from tools.bootstrap.engine import Engine
from tools.bootstrap.errors import SetupError
from tools.bootstrap.official import LANGUAGE_HOST
from tools.bootstrap.passphrase import rotate_passphrase
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


@pytest.mark.system
def test_a_new_passphrase_opens_state_and_configuration_and_the_old_one_nothing(real: Stack) -> None:
    real.prepare()
    as_typed(real, "config", "set", "--secret", "registry_pass", "of-my-own")
    real.prepare()
    real.up()
    former = real.passphrase_file.read_text()
    text = real.config.read_text()
    rotate_passphrase(real)
    assert real.passphrase_file.read_text() != former
    changed = real.config.read_text()
    assert [len(line) for line in changed.splitlines()] == [len(line) for line in text.splitlines()], "only values have changed"
    assert changed.startswith("# Mine.")
    real.prepare()
    assert seen_by_the_engine(real, "registry_pass") == "of-my-own"
    assert real.outputs() == {"given": "of-my-own", "made": "made at the first up"}
    real.up()
    old = real.config.with_name("former")
    old.write_text(former)
    assert not real.opens_with(old)
    assert real.opens_with(real.passphrase_file)
    kept = [path for path in (real.state / "backend").rglob("*") if path.is_file() and "ciphertext" in path.read_text()]
    salt = yaml.safe_load(real.config.read_text())["encryptionsalt"]
    assert kept
    assert all(salt in path.read_text() for path in kept), "nothing is left that the old one opens"


@pytest.mark.system
def test_a_change_of_the_passphrase_that_was_killed_is_completed(real: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    real.prepare()
    real.up()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(passphrase, "_tell", killed)
        with pytest.raises(KeyboardInterrupt):
            rotate_passphrase(real)
    assert not real.opens_with(real.passphrase_file)
    rotate_passphrase(real)
    assert real.outputs()["made"] == "made at the first up"


@pytest.mark.system
def test_state_that_was_being_written_when_its_run_was_killed_can_be_read(real: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    real.prepare()
    assert real.deployment().get("resources") is None
    real.up()
    assert not list((real.state / "backend").rglob("*.attrs"))
    # An engine of before had such a file beside each of its own, and did not write it whole at once.
    (torn,) = [path.with_name(f"{path.name}.attrs") for path in (real.state / "backend").rglob("stacks/*/test.json")]
    torn.touch()
    real.prepare()
    assert real.outputs()["made"] == "made at the first up"
    the_deployment_is_what_the_engine_exports(real, monkeypatch)


def the_deployment_is_what_the_engine_exports(real: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    exported = real.export()["deployment"]
    with monkeypatch.context() as patch:
        patch.setattr(Stack, "export", lambda _: pytest.fail("asked the engine"))
        assert real.deployment()["resources"] == exported["resources"]
    (checkpoint,) = (real.state / "backend").rglob("stacks/*/test.json")
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    with pytest.raises(CommandError, match="failed to load checkpoint"):
        real.deployment()


def test_a_passphrase_of_the_environment_is_the_operators_own(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "mine")
    with pytest.raises(SetupError, match="comes from the environment"):
        rotate_passphrase(stack)
