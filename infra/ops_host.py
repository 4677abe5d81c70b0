"""What both places share: whatever is done on a host is done there by `ops`, one command for each thing."""

from __future__ import annotations

import abc
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import pulumi

from infra.cache import digest
from infra.host import Reload, Shipped, secrets_document
from infra.plan import Plan
from infra.release import Release
from infra.services import SERVICES

REMOVE_RELEASE = ("remove", "current", "releases", "parts", "installed")


@dataclass(frozen=True, kw_only=True)
class OpsCommand:
    """A command of `ops`.

    Attributes:
        module: Of `ops`.
        create: Arguments that make it so; they can be run again at any time.
        delete: Arguments that undo it; None when nothing is to be undone.
        stdin: Standard input of `create`; may be secret.
        after: What must be there before.
        marks: Text that is no argument, but has the command run again when it changes.
    """

    module: str = "host.provision"
    create: Sequence[str]
    delete: Sequence[str] | None = None
    stdin: pulumi.Input[str] | None = None
    after: Sequence[pulumi.Resource] = ()
    marks: Sequence[str] = ()


class OpsHost(pulumi.ComponentResource, abc.ABC):
    """A Host whose commands are those of `ops`. Places say how a command is run, and how a release comes to the host."""

    root: PurePosixPath
    user: str
    docker_socket: str
    docker: pulumi.ProviderResource
    # What the machine is: services come up anew when it changes.
    restarts: Sequence[str] = ()

    @abc.abstractmethod
    def _run(self, name: str, command: OpsCommand) -> pulumi.Output[str]:
        """Declare a command; return what it prints. Its resource is in `self.made[name]`."""

    @abc.abstractmethod
    def _install(self, release: Release) -> Sequence[pulumi.Resource]:
        """Make a release current; return what all other commands come after."""

    def __init__(self, kind: str, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(kind, name, {}, opts)
        self.made: dict[str, pulumi.Resource] = {}

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
            "live",
            OpsCommand(
                create=["live", *live],
                delete=["remove", "live"],
                after=installed,
                marks=[release.parts[name].digest for name in live],
            ),
        )
        contents: dict[str, pulumi.Output[str]] = {name: pulumi.Output.secret(text) for name, text in secrets.items()}
        self._run(
            "secrets",
            OpsCommand(
                create=["secrets", "--owner", self.user],
                delete=["remove", "secrets"],
                stdin=pulumi.Output.all(**contents).apply(secrets_document),
                after=installed,
            ),
        )
        ready = [*installed, *(self.made[name] for name in ("folders", "live", "secrets"))]
        return Shipped(str(self.root), release, contents, ready)

    def reload(self, shipped: Shipped, part: str, *, container: pulumi.Resource, name: str, how: Reload) -> None:
        """See Host."""
        wanted = shipped.release.parts[part].folder.rpartition("/")[2]
        arguments = [part, "--wanted", wanted, "--container", name, "--confirm", how.confirmation, "--", *how.check]
        self._run(f"reload-{part}", OpsCommand(module="host.reload", create=arguments, after=[container]))

    def build_image(self, shipped: Shipped, part: str) -> pulumi.Output[str]:
        """See Host."""
        folder = shipped.release.parts[part].folder
        return self._run(f"build-{part}", OpsCommand(module="host.image_build", create=[folder], after=shipped.ready))

    def read(self, name: str, path: str, *, after: Sequence[pulumi.Resource]) -> pulumi.Output[str]:
        """See Host."""
        return self._run(name, OpsCommand(create=["show", path], after=after))

    def check(self, shipped: Shipped, plan: Plan, *, after: Sequence[pulumi.Resource]) -> None:
        """See Host."""
        # Containers are replaced for these too.
        run = digest(
            [[plan.images[SERVICES[name].image].reference, plan.settings.limits_of(name).model_dump()] for name in plan.services]
        )
        marks = [shipped.release.digest, run, *self.restarts]
        self._run("doctor", OpsCommand(module="cli", create=["doctor", "--post-deploy"], after=after, marks=marks))

    def prune(self, shipped: Shipped, *, after: Sequence[pulumi.Resource]) -> None:
        """See Host."""
        self._run("prune", OpsCommand(create=["prune"], after=after, marks=[shipped.release.digest]))


def shell(
    interpreter: Sequence[str], root: PurePosixPath, module: str, arguments: Sequence[str], marks: Sequence[str] = ()
) -> str:
    """Return the shell command that runs a module of `ops`; marks become a comment."""
    return commented([*interpreter, "-m", f"ops.{module}", "--root", str(root), *arguments], marks)


def commented(words: Sequence[str], marks: Sequence[str]) -> str:
    """Return a shell command with marks as its comment."""
    return " ".join([shlex.join(words), *(["#", *marks] if any(marks) else [])])
