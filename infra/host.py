"""The Host that every place gives: it takes folders, a release and secrets, and has a Docker engine.

Everything that happens on a host is done there by `ops`, with one command for each thing.
"""

from __future__ import annotations

import abc
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import pulumi

from infra.cache import digest
from infra.plan import Plan
from infra.release import Release, digest_of
from infra.services import SERVICES

REMOVE_RELEASE = ("remove", "current", "releases", "parts", "installed")


@dataclass(frozen=True)
class ProvisionedHost:
    """What a host holds once it is provisioned; containers depend on `ready` and mount paths below `root`."""

    root: str
    release: Release
    secrets: Mapping[str, pulumi.Output[str]]
    ready: Sequence[pulumi.Resource]

    def part(self, name: str) -> str:
        """Return the path of a part on the host. It changes when the part's content does."""
        return f"{self.root}/{self.release.parts[name].folder}"

    def hot_reloaded(self, name: str) -> str:
        """Return the path of a hot-reloaded part. It stays the same when the content changes."""
        return f"{self.root}/live/{name}"

    def secret(self, name: str) -> str:
        """Return the path of a secret file on the host."""
        return f"{self.root}/secrets/{name}"

    def path(self, name: str) -> str:
        """Return the path of a folder on the host."""
        return f"{self.root}/{name}"

    def secrets_digest(self, names: Sequence[str]) -> pulumi.Output[str]:
        """Return a digest of secret files. The digest is not secret: nobody can guess generated values or hashes from it."""
        # Only of these files: one value that is unknown until `up` must not make the others unknown at preview.
        chosen: pulumi.Output[dict[str, str]] = pulumi.Output.all(**{name: self.secrets[name] for name in names})
        return pulumi.Output.unsecret(chosen.apply(digest_of))


@dataclass(frozen=True)
class Reload:
    """How a service takes a changed configuration without a restart: SIGUSR1, after a check in its container.

    Attributes:
        check: Command that fails, and says why, if the service would refuse the configuration.
        confirmation: What the service logs once it has the new configuration.
    """

    check: Sequence[str]
    confirmation: str


@dataclass(frozen=True, kw_only=True)
class OpsCommand:
    """A command of `ops`.

    Attributes:
        module: Module of `ops`.
        create: Arguments of the command; it is safe to run again at any time.
        delete: Arguments of the command that undoes it; None if there is nothing to undo.
        stdin: Standard input of `create`; may be secret.
        after: Resources that must exist first.
        marks: Text that is not an argument; the command runs again when it changes.
    """

    module: str = "host.provision"
    create: Sequence[str]
    delete: Sequence[str] | None = None
    stdin: pulumi.Input[str] | None = None
    after: Sequence[pulumi.Resource] = ()
    marks: Sequence[str] = ()


class Host(pulumi.ComponentResource, abc.ABC):
    """The machine that the stack runs on. Each place says how commands and releases get there."""

    root: PurePosixPath
    user: str
    docker_socket: str
    docker: pulumi.ProviderResource
    # How often a service that is starting is checked; empty where the engine may be older than 25.0, which knows none.
    start_interval: str = ""
    # What kind of machine it is. Services restart when this changes, so they are checked again.
    restarts: Sequence[str] = ()

    @abc.abstractmethod
    def _run(self, name: str, command: OpsCommand) -> pulumi.Output[str]:
        """Declare a command and return what it prints. Its resource is in `self.made[name]`."""

    @abc.abstractmethod
    def _install(self, release: Release) -> Sequence[pulumi.Resource]:
        """Make a release current; return the resources that all other commands wait for."""

    def __init__(self, kind: str, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(kind, name, {}, opts)
        self.made: dict[str, pulumi.Resource] = {}

    def provision(
        self,
        *,
        folders: Sequence[str],
        kept: Sequence[str],
        release: Release,
        hot_reloaded: Sequence[str],
        secrets: Mapping[str, pulumi.Input[str]],
    ) -> ProvisionedHost:
        """Bring folders, a release and secrets onto the host.

        Args:
            folders: Folders to create below the root, owned by the services' user.
            kept: Those of `folders` that destroy leaves in place.
            release: The release to make current.
            hot_reloaded: Hot-reloaded parts (`reload`).
            secrets: Secret files, content by name; they travel by standard input (D11).
        """
        installed = self._install(release)
        removable = [folder for folder in folders if folder not in kept]
        self._run(
            "folders",
            OpsCommand(
                create=["folders", "--owner", self.user, *folders],
                delete=["remove", *removable] if removable else None,
                after=installed,
            ),
        )
        self._run(
            "live",  # the name in existing stacks: under a new one, the old one would remove the folder once all is there
            OpsCommand(
                create=["hot-reloaded", *hot_reloaded],
                delete=["remove", "live"],
                after=installed,
                marks=[release.parts[name].digest for name in hot_reloaded],
            ),
        )
        contents: dict[str, pulumi.Output[str]] = {name: pulumi.Output.secret(text) for name, text in secrets.items()}
        self._run(
            "secrets",
            OpsCommand(
                create=["secrets", "--owner", self.user],
                delete=["remove", "secrets"],
                stdin=pulumi.Output.all(**contents).apply(lambda files: json.dumps(files, sort_keys=True)),
                after=installed,
            ),
        )
        ready = [*installed, *(self.made[name] for name in ("folders", "live", "secrets"))]
        return ProvisionedHost(str(self.root), release, contents, ready)

    def reload(self, provisioned: ProvisionedHost, part: str, *, container: pulumi.Resource, name: str, how: Reload) -> None:
        """Tell a running service that a hot-reloaded part of it has changed.

        Args:
            provisioned: What the host holds.
            part: Name of the hot-reloaded part.
            container: The service's container.
            name: The container's name.
            how: How the service reloads.
        """
        wanted = provisioned.release.parts[part].folder.rpartition("/")[2]
        arguments = [part, "--wanted", wanted, "--container", name, "--confirm", how.confirmation, "--", *how.check]
        self._run(f"reload-{part}", OpsCommand(module="host.reload", create=arguments, after=[container]))

    def build_image(self, provisioned: ProvisionedHost, part: str) -> pulumi.Output[str]:
        """Build an image from a part with a Dockerfile, unless the engine has it already, and return its id."""
        folder = provisioned.release.parts[part].folder
        return self._run(f"build-{part}", OpsCommand(module="host.image_build", create=[folder], after=provisioned.ready))

    def read(self, name: str, path: str, *, after: Sequence[pulumi.Resource]) -> pulumi.Output[str]:
        """Return the text of a file below the root, which must not be secret; empty if there is none.

        Args:
            name: Name of the command.
            path: Path below the root.
            after: What writes the file.
        """
        return self._run(name, OpsCommand(create=["show", path], after=after))

    def check(self, provisioned: ProvisionedHost, plan: Plan, *, after: Sequence[pulumi.Resource]) -> None:
        """Use the registry as clients do, and fail if it does not work (D12).

        Args:
            provisioned: What the host holds.
            plan: What runs.
            after: All services.
        """
        # A change of these replaces containers too.
        run = digest(
            [[plan.images[SERVICES[name].image].reference, plan.settings.limits_of(name).model_dump()] for name in plan.services]
        )
        marks = [provisioned.release.digest, run, *self.restarts]
        self._run("doctor", OpsCommand(module="cli", create=["doctor", "--post-deploy"], after=after, marks=marks))

    def prune(self, provisioned: ProvisionedHost, *, after: Sequence[pulumi.Resource]) -> None:
        """Remove old releases from the host, once no container of `after` mounts them."""
        self._run("prune", OpsCommand(create=["prune"], after=after, marks=[provisioned.release.digest]))


def shell(
    interpreter: Sequence[str], root: PurePosixPath, module: str, arguments: Sequence[str], marks: Sequence[str] = ()
) -> str:
    """Return the shell command that runs a module of `ops`, with the marks as a comment."""
    return commented([*interpreter, "-m", f"ops.{module}", "--root", str(root), *arguments], marks)


def commented(words: Sequence[str], marks: Sequence[str]) -> str:
    """Return a shell command, with the marks as a comment."""
    return " ".join([shlex.join(words), *(["#", *marks] if any(marks) else [])])
