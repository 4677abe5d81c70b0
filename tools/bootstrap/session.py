"""A local stack with everything that an operation on it needs: settings, Docker engine, Pulumi engine, images."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import docker

from infra.catalogue import judge, read_catalogue
from infra.local import stack_root
from infra.paths import PROJECT_FOLDER, cache_folder
from infra.plan import needed_images
from infra.settings import Settings, SettingsError, parse
from ops.core.process import CommandError
from tools.bootstrap.configuration import plain_values
from tools.bootstrap.errors import NoSpaceError, SetupError
from tools.bootstrap.preflight import check_names, check_ports, check_space
from tools.bootstrap.repair import repair
from tools.bootstrap.set_up import set_up
from tools.bootstrap.stack import Stack, is_created

Purpose = Literal["create", "use", "read"]
_NOT_UP = "nothing is up yet: run `make up` first"


@dataclass(frozen=True)
class Session:
    """A stack that can be worked on.

    Attributes:
        settings: The stack's.
        root: Its folder on this machine.
        stack: What the engine works on.
        docker_host: The address of the Docker engine.
    """

    settings: Settings
    root: Path
    stack: Stack
    docker_host: str

    def up(self, *, stream: bool = True) -> dict[str, Any]:
        """Create, change or repair the stack; return its outputs.

        Raises:
            StackBusyError: Another run holds the stack.
            SetupError: A port or the name is taken, the passphrase is wrong, the disk is full, or the engine failed.
        """
        with self._repaired() as client:
            check_names(client, self.settings, self.root)
            check_ports(client, self.settings, self.root)
            self.stack.up(stream=stream)
            return self.stack.outputs()

    def preview(self, *, stream: bool = True) -> None:
        """Show what `up` would do; raises as `up`."""
        with self._held():
            self.stack.preview(stream=stream)

    def destroy(self, *, stream: bool = True) -> None:
        """Remove the stack; raises as `up`."""
        with self._repaired():
            self.stack.destroy(stream=stream)

    def outputs(self) -> dict[str, Any]:
        """Return the outputs of the last `up`; raises as `up`, and SetupError when there are none."""
        with self._explaining():
            self.stack.prepare()
            if outputs := self.stack.outputs():
                return outputs
        raise SetupError(_NOT_UP)

    @contextmanager
    def _repaired(self) -> Iterator[docker.DockerClient]:
        """Hold the stack, and clean up after a killed run first."""
        with self._held(), contextlib.closing(docker.DockerClient(base_url=self.docker_host)) as client:
            repair(self.stack, client, self.root)
            yield client

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Hold the stack for this run."""
        with self.stack.locked(), self._explaining():
            self.stack.prepare()
            yield

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except CommandError as error:
            raise self._explained(error) from error

    def _explained(self, error: CommandError) -> SetupError:
        """Return the error with a remedy, where the cause is known."""
        text = str(error)
        probe = self.stack.pulumi(["stack", "output", "--stack", self.stack.name, "--show-secrets", "--json"], check=False)
        if "incorrect passphrase" in text + probe.stderr:
            return SetupError(
                f"the passphrase does not open the state of stack {self.stack.name}: put its original passphrase into "
                f"{self.stack.passphrase_file} or PULUMI_CONFIG_PASSPHRASE; if it is lost, remove {self.stack.state}"
            )
        if "no space left on device" in text.lower():
            return NoSpaceError(f"a disk is full; free some space and run the same command again\n{text}")
        if "non-overlapping IPv4 address pool" in text:
            return SetupError(
                "the Docker engine has no addresses left for another network: remove unused networks "
                f"(`docker network prune`), or configure more (default-address-pools in its daemon.json)\n{text}"
            )
        try:
            check_space([self.root, cache_folder("")])
        except NoSpaceError as full:
            return full
        return SetupError(f"{text}\nThe error is above. Fix it, then run the same command again; it continues where it stopped.")


def open_session(
    name: str,
    config: Path,
    state: Path,
    *,
    extra: Mapping[str, Any] | None = None,
    plugins: str | None = None,
    purpose: Purpose = "create",
) -> Session:
    """Find or set up everything that a stack needs. Invalid settings are reported before anything is set up.

    Args:
        name: The stack.
        config: Its configuration file.
        state: The folder of the state.
        extra: Keys set on top of the configuration.
        plugins: As PLUGINS in the environment, which is the default.
        purpose: `create` checks disk space and provides images; `use` takes what is there; `read` does too, and needs a stack.

    Raises:
        SettingsError: The settings, the catalogue or the images lock are invalid.
        SetupError: Something is missing and cannot be set up.
        CommandError: Something could not be built.
    """
    given = dict(extra or {})
    settings = parse({**plain_values(config), **given}, stack=name)
    if not settings.is_local:
        raise SetupError(f"{config} describes a stack on Hetzner; this command only works on local ones")
    if purpose == "read" and not is_created(state, name):
        raise SetupError(_NOT_UP)
    root = stack_root(settings, name)
    if purpose == "create":
        if refused := judge(settings, read_catalogue(settings)).refused:
            raise SettingsError([*refused])
        check_space([root, cache_folder("")])
    lock = PROJECT_FOLDER / settings.images_lock
    wanted = os.environ.get("PLUGINS", "") if plugins is None else plugins
    found = set_up(state, lock, needed_images(settings), plugins=wanted, create=purpose == "create")
    if found.lock != lock:
        given["images_lock"] = str(found.lock)
    stack = Stack(name, state, found.engine, config, given, {"DOCKER_HOST": found.docker_host})
    return Session(settings, root, stack, found.docker_host)
