"""The local place: the operator's own machine and its Docker engine."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import pulumi
import pulumi_docker as docker
from pulumi_command import local

from infra.host import Host
from infra.look import Seen, Wanted, judged
from infra.ops_command import REMOVE_RELEASE, OpsCommand, shell
from infra.paths import PROJECT_FOLDER, cache_folder
from infra.release import Release
from infra.settings import Settings
from ops.config import SERVICE_USER
from ops.core.process import run

_DOCKER_SOCKET = "/var/run/docker.sock"
_LOOK_LIMIT_S = 60.0


def service_user(settings: Settings) -> str:
    """Return the uid:gid that services run as: the invoking user, or that of servers if root brings the stack up."""
    if settings.local.user:
        return settings.local.user
    return f"{os.getuid()}:{os.getgid()}" if os.getuid() != 0 else SERVICE_USER


def stack_root(settings: Settings, stack: str) -> Path:
    """Return the folder of a local stack, as an absolute path."""
    return (PROJECT_FOLDER / (settings.local.root or Path(".state") / stack).expanduser()).resolve()


def docker_socket(docker_host: str) -> str:
    """Return the path of the Docker engine's socket; a rootless engine has its own.

    Args:
        docker_host: The value of DOCKER_HOST; empty for the default.
    """
    return docker_host.removeprefix("unix://") if docker_host.startswith("unix://") else _DOCKER_SOCKET


class LocalHost(Host):
    """This machine as a Host: commands run with the program's own Python, and files live below the stack's root."""

    def __init__(
        self, name: str, settings: Settings, stack: str, wanted: Wanted, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("private-registry:infra:LocalHost", name, opts)
        self.root = PurePosixPath(stack_root(settings, stack))
        self.user = service_user(settings)
        self.identity = pulumi.Output.from_input(str(self.root))
        self.docker_socket = docker_socket(os.environ.get("DOCKER_HOST", ""))
        self.seen = pulumi.Output.from_input(look(Path(self.root), wanted))
        self.docker = docker.Provider("engine", host=os.environ.get("DOCKER_HOST"), opts=pulumi.ResourceOptions(parent=self))
        self.register_outputs({})

    def _install(self, release: Release) -> Sequence[pulumi.Resource]:
        command = OpsCommand(create=["release", str(release.tarball(cache_folder("releases")))], delete=REMOVE_RELEASE)
        self._run("release", command)
        return [self.made["release"]]

    def _run(self, name: str, command: OpsCommand) -> pulumi.Output[str]:
        python = [sys.executable]
        made = local.Command(
            name,
            create=self._known(command).apply(
                lambda known: shell(python, self.root, command.module, command.arguments_of(*known), command.marks_of(known[0]))
            ),
            delete=shell(python, self.root, command.module, command.delete) if command.delete else None,
            stdin=command.stdin,
            dir=str(PROJECT_FOLDER),
            logging=local.Logging.STDERR,
            add_previous_output_in_env=False,
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(command.after)),
        )
        self.made[name] = made
        return made.stdout


def look(root: Path, wanted: Wanted) -> Seen:
    """Look at what is installed in a stack's folder, and at what it has in the Docker engine, if that answers at a socket."""
    printed = run([sys.executable, "-m", "ops.host.drift", "--root", str(root)], timeout=_LOOK_LIMIT_S, cwd=PROJECT_FOLDER)
    return judged(printed.stdout, wanted, "this machine", pulumi.warn)
