"""The local place: the operator's own machine and its Docker engine."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import pulumi
import pulumi_docker as docker
from pulumi_command import local

from infra.host import Reload, Shipped, secrets_document
from infra.paths import PROJECT_FOLDER, cache_folder
from infra.release import Release
from infra.settings import Settings

# Containers never run as root: when root brings the stack up, they get a user that owns nothing else.
_UNPRIVILEGED = 10001
_DOCKER_SOCKET = "/var/run/docker.sock"


def service_user(settings: Settings) -> str:
    """Return the uid:gid that services run as: the invoking user, or an unprivileged one when that is root."""
    if settings.local.user:
        return settings.local.user
    return f"{os.getuid()}:{os.getgid()}" if os.getuid() != 0 else f"{_UNPRIVILEGED}:{_UNPRIVILEGED}"


def stack_root(settings: Settings, stack: str) -> Path:
    """Return the absolute folder of a local stack."""
    return (PROJECT_FOLDER / (settings.local.root or Path(".state") / stack).expanduser()).resolve()


def docker_socket(docker_host: str) -> str:
    """Return the path of the Docker engine's socket, which is another one for an engine without root.

    Args:
        docker_host: As DOCKER_HOST; empty for the default.
    """
    return docker_host.removeprefix("unix://") if docker_host.startswith("unix://") else _DOCKER_SOCKET


class LocalHost(pulumi.ComponentResource):
    """This machine as a Host: commands run in the program's own Python, files live below the stack's root."""

    def __init__(self, name: str, settings: Settings, stack: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:infra:LocalHost", name, {}, opts)
        self.root = PurePosixPath(stack_root(settings, stack))
        self.user = service_user(settings)
        self.docker_socket = docker_socket(os.environ.get("DOCKER_HOST", ""))
        self.docker: pulumi.ProviderResource = docker.Provider(
            "engine", host=os.environ.get("DOCKER_HOST"), opts=pulumi.ResourceOptions(parent=self)
        )
        self.register_outputs({})

    def provision(
        self,
        *,
        folders: Sequence[str],
        kept: Sequence[str],
        release: Release,
        live: Sequence[str],
        secrets: Mapping[str, pulumi.Input[str]],
    ) -> Shipped:
        """See Host."""
        removable = [folder for folder in folders if folder not in kept]
        made = self._command(
            "folders",
            create=["folders", "--owner", self.user, *folders],
            delete=["remove", *removable] if removable else None,
        )
        shipped = self._command(
            "release",
            create=["release", str(release.tarball(cache_folder("releases")))],
            delete=["remove", "current", "releases", "parts"],
            after=[made],
        )
        alive = self._command(
            "live",
            create=["live", *live],
            delete=["remove", "live"],
            after=[shipped],
            environment={name: release.parts[name].digest for name in live},
        )
        contents: dict[str, pulumi.Output[str]] = {name: pulumi.Output.secret(text) for name, text in secrets.items()}
        placed = self._command(
            "secrets",
            create=["secrets", "--owner", self.user],
            delete=["remove", "secrets"],
            stdin=pulumi.Output.all(**contents).apply(secrets_document),
            after=[made],
        )
        return Shipped(str(self.root), release, contents, [made, alive, placed])

    def reload(self, shipped: Shipped, part: str, *, container: pulumi.Resource, name: str, how: Reload) -> None:
        """See Host."""
        wanted = shipped.release.parts[part].folder.rpartition("/")[2]
        self._command(
            f"reload-{part}",
            create=[part, "--wanted", wanted, "--container", name, "--confirm", how.confirmation, "--", *how.check],
            delete=None,
            after=[container],
            module="reload",
        )

    def build_image(self, shipped: Shipped, part: str) -> pulumi.Output[str]:
        """See Host."""
        folder = shipped.release.parts[part].folder
        return self._command(f"build-{part}", create=[folder], delete=None, after=shipped.ready, module="image_build").stdout

    def prune(self, shipped: Shipped, *, after: Sequence[pulumi.Resource]) -> None:
        """See Host."""
        self._command("prune", create=["prune"], delete=None, after=after, environment={"RELEASE": shipped.release.digest})

    def _command(
        self,
        name: str,
        *,
        create: Sequence[str],
        delete: Sequence[str] | None,
        stdin: pulumi.Input[str] | None = None,
        after: Sequence[pulumi.Resource] = (),
        environment: Mapping[str, str] | None = None,
        module: str = "provision",
    ) -> local.Command:
        provision = [sys.executable, "-m", f"ops.{module}", "--root", str(self.root)]
        return local.Command(
            name,
            create=shlex.join([*provision, *create]),
            delete=shlex.join([*provision, *delete]) if delete else None,
            stdin=stdin,
            environment=environment,
            dir=str(PROJECT_FOLDER),
            logging=local.Logging.STDERR,
            add_previous_output_in_env=False,
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(after)),
        )
