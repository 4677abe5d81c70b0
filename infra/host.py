"""The Host that every place gives: it takes folders, a release and secrets, and has a Docker engine.

Everything that happens on a host is done there by `ops`, with one command for each thing.
"""

from __future__ import annotations

import abc
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import pulumi

from infra.cache import digest
from infra.live_secrets import as_installed, is_live, is_of, live_folder
from infra.look import Seen, changed_parts
from infra.ops_command import OpsCommand
from infra.plan import Plan
from infra.release import Release, digest_of
from infra.services import SERVICES
from ops.config import NewContainer, Rollout, render
from ops.core.layout import LIVE, SECRET_VERSIONS

# Timers of a new server start at once, and what they start holds the lock for moments. A server that has restarted goes on with a
# recovery by itself, and that may take as long as there is data.
_RECOVERY_PATIENCE_S, _RECOVERED_PATIENCE_S = 600, 12 * 3600


@dataclass(frozen=True)
class LiveCopy:
    """What a running service reads anew: the folder of copies, below the root, and the copy in it that it should read now."""

    folder: str
    wanted: pulumi.Input[str]


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
        return f"{self.root}/{LIVE}/{name}"

    def live_copy_of_part(self, name: str) -> LiveCopy:
        """Return which copy of a hot-reloaded part its service should read."""
        return LiveCopy(f"{LIVE}/{name}", self.release.parts[name].folder.rpartition("/")[2])

    def live_copy_of_secrets(self, service: str) -> LiveCopy:
        """Return which copy of its secret files a running service should take in."""
        files = [name for name in self.secrets if is_of(service, name)]
        return LiveCopy(live_folder(service), self.secrets_digest(files))

    def secret(self, name: str) -> str:
        """Return the path of a secret file on the host."""
        return f"{self.root}/secrets/{name}"

    def secret_version(self, name: str) -> pulumi.Output[str]:
        """Return the path of a secret file on the host for a container. It changes when the content does, as that of a part."""
        return self.secrets_digest([name]).apply(lambda version: f"{self.root}/secrets/{SECRET_VERSIONS}/{version}/{name}")

    def path(self, name: str) -> str:
        """Return the path of a folder on the host."""
        return f"{self.root}/{name}"

    def secrets_digest(self, names: Sequence[str]) -> pulumi.Output[str]:
        """Return a digest of secret files. The digest is not secret: nobody can guess generated values or hashes from it."""
        # Only of these files: one value that is unknown until `up` must not make the others unknown at preview.
        chosen: pulumi.Output[dict[str, str]] = pulumi.Output.all(**{name: self.secrets[name] for name in names})
        return pulumi.Output.unsecret(chosen.apply(digest_of))


@dataclass(frozen=True)
class RolloutEntry:
    """A service's container, and what the host is told about it.

    Attributes:
        container: The container; it is not started yet.
        wanted: What is known about it. Its id is only known once it exists.
    """

    container: pulumi.CustomResource
    wanted: NewContainer


@dataclass(frozen=True)
class Reload:
    """How a service takes a changed configuration without a restart: SIGUSR1, after a check in its container.

    Attributes:
        confirmation: What the service logs once it has the new configuration.
        check: Command that fails, and says why, if the service would refuse the configuration. Empty if it checks that itself.
        refusal: What the service logs, in a line that says why, if it refuses it.
    """

    confirmation: str
    check: Sequence[str] = ()
    refusal: str = ""


@dataclass(frozen=True)
class BackupAccount:
    """Where a place takes backups.

    Attributes:
        url: `ssh://user@host:port/path`.
        private_key: The key that the host logs in with, in OpenSSH format; secret.
        prune_key: The key that can remove backups, where the host's cannot; secret.
    """

    url: pulumi.Output[str]
    private_key: pulumi.Output[str]
    prune_key: pulumi.Output[str] | None = None


class Host(pulumi.ComponentResource, abc.ABC):
    """The machine that the stack runs on. Each place says how commands and releases get there."""

    root: PurePosixPath
    user: str
    docker_socket: str
    docker: pulumi.ProviderResource
    # How often a service that is starting is checked; empty where the engine may be older than 25.0, which knows none.
    start_interval: str = ""
    # Where the place takes backups, if it does.
    backup_account: BackupAccount | None = None
    login: pulumi.Output[str] | None = None  # the fields of `SshAccess`, as JSON, if it is another machine; secret
    # What kind of machine it is. Services restart when this changes, so they are checked again.
    restarts: Sequence[str] = ()
    # Text that changes when it becomes another machine, or gets another address.
    identity: pulumi.Output[str]
    # What is there. A network or container with a new revision is made anew.
    seen: pulumi.Output[Seen]

    @abc.abstractmethod
    def _run(self, name: str, command: OpsCommand) -> pulumi.Output[str]:
        """Declare a command and return what it prints. Its resource is in `self.made[name]`."""

    @abc.abstractmethod
    def _install(self, release: Release) -> Sequence[pulumi.Resource]:
        """Make a release current; return the resources that all other commands wait for."""

    def __init__(self, kind: str, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(kind, name, {}, opts)
        self.made: dict[str, pulumi.Resource] = {}

    def _known(self, command: OpsCommand) -> pulumi.Output[tuple[Seen, Sequence[str]]]:
        """Return what was seen, and the arguments of a command, once both are known."""
        both: pulumi.Output[list[Any]] = pulumi.Output.all(self.seen, *command.create)
        return both.apply(lambda known: (known[0], known[1:]))

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
            secrets: Secret files, content by name (`infra.live_secrets` for those that services take in while they run); they
                travel by standard input (D11).
        """
        if pulumi.runtime.is_dry_run():
            self.seen.apply(lambda seen: _tell_changes(seen, release))
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
                stdin=pulumi.Output.all(**contents).apply(_secrets_document),
                after=installed,
            ),
        )
        ready = [*installed, *(self.made[name] for name in ("folders", "live", "secrets"))]
        return ProvisionedHost(str(self.root), release, contents, ready)

    def recover(self, provisioned: ProvisionedHost, plan: Plan) -> Sequence[pulumi.Resource]:
        """Restore everything onto a host that has nothing, if the settings name a backup; return what services wait for.

        Args:
            provisioned: What the host holds.
            plan: What runs.
        """
        return self._recovers("recover", plan, "--wait", str(_RECOVERY_PATIENCE_S), after=provisioned.ready)

    def _recovers(self, name: str, plan: Plan, *options: str, after: Sequence[pulumi.Resource]) -> Sequence[pulumi.Resource]:
        """Run `regops recover`, if the settings name a backup; return what does."""
        if plan.settings.recover is None:
            return []
        marks = [str(plan.settings.recover)]
        self._run(name, OpsCommand(module="cli", create=["recover", *options], after=after, marks=marks, mounts=True))
        return [self.made[name]]

    def roll_out(
        self, services: Mapping[str, RolloutEntry], *, after: Sequence[pulumi.Resource] = ()
    ) -> Sequence[pulumi.Resource]:
        """Make new containers take over from those before, or keep those if one of the new ones does not become healthy.

        Args:
            services: All services by name.
            after: What must be done before the first of them starts.

        Returns:
            What waits until all services run.
        """
        ids = pulumi.Output.all(**{name: entry.container.id for name, entry in services.items()})
        entries = [entry.wanted for entry in services.values()]

        def document(ids: Mapping[str, str]) -> str:
            return render(Rollout(services=tuple(one.model_copy(update={"container": ids[one.service]}) for one in entries)))

        containers = [entry.container for entry in services.values()]
        self._run(
            "rollout", OpsCommand(module="stack.rollout", create=[], stdin=ids.apply(document), after=[*containers, *after])
        )
        return [self.made["rollout"]]

    def reload(self, what: LiveCopy, how: Reload, *, after: Sequence[pulumi.Resource], name: str) -> pulumi.Resource:
        """Tell a running service that what it reads has changed; return what does.

        Args:
            what: What has changed.
            how: How the service reloads.
            after: What waits until the service runs.
            name: The name of the service's container.
        """
        words = [what.folder, "--wanted", what.wanted, "--container", name, "--confirm", how.confirmation]
        words += ["--refuse", how.refusal] if how.refusal else []
        words += ["--check", *how.check] if how.check else []
        command = f"reload-{what.folder.rpartition('/')[2]}"
        self._run(command, OpsCommand(module="host.reload", create=words, after=after))
        return self.made[command]

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
        command = OpsCommand(module="cli", create=["doctor", "--post-deploy"], after=after, marks=marks, after_repairs=True)
        self._run("doctor", command)
        self._recovers("recovered", plan, "--check", "--wait", str(_RECOVERED_PATIENCE_S), after=after)

    def prune(self, provisioned: ProvisionedHost, *, after: Sequence[pulumi.Resource]) -> None:
        """Remove old releases from the host, once no container of `after` mounts them."""
        self._run("prune", OpsCommand(create=["prune"], after=after, marks=[provisioned.release.digest]))


def _tell_changes(seen: Seen, release: Release) -> None:
    """Name the parts of the release that change: a preview shows one command for all of them."""
    if changed := changed_parts(seen.parts, {name: PurePosixPath(part.folder).name for name, part in release.parts.items()}):
        pulumi.info(f"of the release, this changes: {', '.join(changed)}")


def _secrets_document(files: Mapping[str, str]) -> str:
    """Return what the command that installs secrets reads: each file, and the version of it that containers mount."""
    mounted = {name: text for name, text in files.items() if not is_live(name)}
    versions = {f"{SECRET_VERSIONS}/{digest_of({name: text})}/{name}": text for name, text in mounted.items()}
    return json.dumps({**as_installed(files), **versions}, sort_keys=True)
