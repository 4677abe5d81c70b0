"""A stack of this program on a file backend: its project folder, passphrase and lock, and the engine's operations on it."""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from infra.paths import PROJECT_FOLDER
from infra.settings import PROJECT
from ops.core.files import write_atomic
from ops.core.locks import Holder, hold
from ops.core.process import CommandError, Completed, run
from tools.bootstrap.configuration import configuration
from tools.bootstrap.engine import Engine
from tools.bootstrap.errors import SetupError, StackBusyError

_QUICK_S = 120
_UPDATE_S = 3600
# Beside each of its files the engine would keep one with attributes that nobody needs, and write it in two steps: killed between
# them, it reads "failed to load checkpoint: EOF" ever after. https://pkg.go.dev/gocloud.dev/blob/fileblob#hdr-URLs
_NO_ATTRIBUTES = "metadata=skip"


@dataclass(frozen=True)
class Stack:
    """One stack. All of it is inside `state`, so stacks of one checkout do not affect each other.

    Attributes:
        name: The stack's name.
        state: Folder of the backend, the passphrase and the project folders.
        engine: The engine that works on it.
        config: The stack's configuration file. Only the CLI's `config` commands write it.
        extra: Keys (without the project's prefix) that are set on top of it.
        environment: Further variables for the engine, such as DOCKER_HOST.
    """

    name: str
    state: Path
    engine: Engine
    config: Path
    extra: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The project folder that the engine reads: the project file, and the configuration with the stack's salt."""
        return self.state / "stacks" / self.name

    @property
    def _settings_file(self) -> Path:
        return self.folder / f"Pulumi.{self.name}.yaml"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold this stack for one run.

        Raises:
            StackBusyError: Another process holds it; the message says which.
        """

        def refusal(holder: Holder | None) -> StackBusyError:
            by = f"process {holder.pid}, since {holder.since}" if holder else "another process"
            return StackBusyError(f"stack {self.name} is in use by {by}; wait for it, or end it")

        with hold(self.folder / "lock", "bootstrap", refusal=refusal):
            yield

    def prepare(self) -> None:
        """Write the project folder, and create the stack in the backend when it is not there.

        Raises:
            SetupError: The configuration cannot be read.
            CommandError: The engine refused.
        """
        settings = configuration(self.config, self.extra, self._settings_file)
        self._backend.mkdir(parents=True, exist_ok=True)
        for attributes in self._backend.rglob("*.attrs"):
            attributes.unlink(missing_ok=True)  # of an earlier release; see _NO_ATTRIBUTES
        project = yaml.safe_load((PROJECT_FOLDER / "Pulumi.yaml").read_text())
        project["main"] = str(PROJECT_FOLDER)
        project["runtime"]["options"]["virtualenv"] = str(Path(sys.executable).parent.parent)
        write_atomic(self.folder / "Pulumi.yaml", yaml.safe_dump(project, sort_keys=False))
        write_atomic(self._settings_file, yaml.safe_dump(settings, sort_keys=False))
        if not self._checkpoint.is_file():
            self._create()

    def _create(self) -> None:
        try:
            self.pulumi(["stack", "init", self.name, "--no-select"])
        except CommandError as error:
            if "incorrect passphrase" not in str(error):
                raise
            raise SetupError(
                f"the secrets in {self.config} were encrypted with another passphrase: put that one into "
                f"{self.passphrase_file} or PULUMI_CONFIG_PASSPHRASE, or remove them and `encryptionsalt` from the file"
            ) from error

    def pulumi(
        self,
        arguments: Sequence[str],
        *,
        timeout: float = _QUICK_S,
        stdin: str | None = None,
        stream: bool = False,
        check: bool = True,
    ) -> Completed:
        """Run the CLI in the project folder.

        Raises:
            CommandError: It failed, with `check`, or ran out of time.
        """
        # On a terminal people see the engine's live display; it asks no questions, since every command passes --yes.
        plain = [] if stream and sys.stdout.isatty() else ["--non-interactive"]
        command, environment = self.command([*plain, *arguments])
        return run(command, timeout=timeout, stdin=stdin, env=environment, stream=stream, check=check)

    def command(self, arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
        """Return argv and environment of a CLI command on this stack.

        `config` commands work on the operator's file, since the engine's is generated from it at every run. A secret that is
        set there comes with its salt, which from then on is the engine's too; the passphrase is the same.
        """
        own = {"PULUMI_STACK": self.name, **self._backend_environment(), **self.environment}
        words = list(arguments)
        first = next((index for index, word in enumerate(words) if not word.startswith("-")), None)
        if first is not None and words[first] == "config" and not any(word.startswith("--config-file") for word in words):
            words[first + 1 : first + 1] = ["--config-file", str(self.config.absolute())]
        return [str(self.engine.folder / "pulumi"), "--cwd", str(self.folder), *words], self.engine.environment(own)

    def up(self, *arguments: str, stream: bool = False, check: bool = True) -> Completed:
        """Create or change what the program describes."""
        return self._update("up", "--yes", "--skip-preview", "--suppress-outputs", *arguments, stream=stream, check=check)

    def preview(self, *arguments: str, stream: bool = False, check: bool = True) -> Completed:
        """Show what `up` would do."""
        return self._update("preview", "--suppress-outputs", *arguments, stream=stream, check=check)

    def destroy(self, *arguments: str, stream: bool = False, check: bool = True) -> Completed:
        """Remove everything that is in the state."""
        return self._update("destroy", "--yes", "--skip-preview", *arguments, stream=stream, check=check)

    def outputs(self) -> dict[str, Any]:
        """Return the stack's outputs, secrets shown."""
        shown = self.pulumi(["stack", "output", "--stack", self.name, "--json", "--show-secrets"])
        outputs: dict[str, Any] = json.loads(shown.stdout)
        return outputs

    def deployment(self) -> dict[str, Any]:
        """Return the deployment, secrets encrypted, without the third of a second that `export` takes for it.

        Raises:
            CommandError: The engine cannot read it either.
        """
        try:
            found = json.loads(self._checkpoint.read_text())["checkpoint"].get("latest") or {}
        except (OSError, ValueError, LookupError, AttributeError):
            found = self.export()["deployment"]
        deployment: dict[str, Any] = found
        return deployment

    def export(self) -> dict[str, Any]:
        """Return what the engine exports of the stack, secrets encrypted."""
        exported: dict[str, Any] = json.loads(self.pulumi(["stack", "export", "--stack", self.name]).stdout)
        return exported

    def _update(self, *arguments: str, stream: bool, check: bool) -> Completed:
        return self.pulumi([*arguments, "--stack", self.name], timeout=_UPDATE_S, stream=stream, check=check)

    @property
    def _backend(self) -> Path:
        return self.state / "backend"

    @property
    def _checkpoint(self) -> Path:
        return _checkpoint(self.state, self.name)

    @property
    def passphrase_file(self) -> Path:
        """The passphrase that encrypts this checkout's state, unless the environment gives one."""
        return self.state / "passphrase"

    @property
    def own_passphrase(self) -> bool:
        """Whether the environment gives a passphrase, instead of this checkout's file."""
        return "PULUMI_CONFIG_PASSPHRASE" in os.environ or "PULUMI_CONFIG_PASSPHRASE_FILE" in os.environ

    def opens_with(self, passphrase: Path) -> bool:
        """Return whether the passphrase in a file opens the state."""
        command, environment = self.command(["stack", "export", "--show-secrets", "--stack", self.name, "--non-interactive"])
        opened = run(
            command, timeout=_QUICK_S, env={**environment, "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase)}, check=False
        )
        return opened.returncode == 0

    def another(self, name: str, config: Path) -> Stack:
        """Return another stack of the same state."""
        return replace(self, name=name, config=config, extra={})

    def _backend_environment(self) -> dict[str, str]:
        environment = {"PULUMI_BACKEND_URL": f"file://{self._backend}?{_NO_ATTRIBUTES}"}
        if self.own_passphrase:
            return environment
        if not self.passphrase_file.is_file():
            if self._checkpoint.is_file():
                raise SetupError(
                    f"{self.passphrase_file} is missing, and without it the state of stack {self.name} cannot be read; "
                    "put it back, or set PULUMI_CONFIG_PASSPHRASE"
                )
            write_atomic(self.passphrase_file, secrets.token_urlsafe(32) + "\n", mode=0o600)
        return {**environment, "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.passphrase_file)}


def is_created(state: Path, name: str) -> bool:
    """Return whether a stack is in the backend of a state folder."""
    return _checkpoint(state, name).is_file()


def stacks_in(state: Path) -> Sequence[str]:
    """Return the names of the stacks in the backend of a state folder."""
    return sorted(path.stem for path in _checkpoint(state, "").parent.glob("*.json"))


def _checkpoint(state: Path, name: str) -> Path:
    return state / "backend" / ".pulumi" / "stacks" / PROJECT / f"{name}.json"
