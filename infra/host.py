"""The Host that every place gives: it receives folders, a release and secrets, and serves a Docker engine."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

import pulumi

from infra.plan import Plan
from infra.release import Release, digest_of


@dataclass(frozen=True)
class Shipped:
    """What a host holds once it is provisioned; containers depend on `ready` and mount paths below `root`."""

    root: str
    release: Release
    secrets: Mapping[str, pulumi.Output[str]]
    ready: Sequence[pulumi.Resource]

    def part(self, name: str) -> str:
        """Return the path of a part on the host. It changes when the part's content does."""
        return f"{self.root}/{self.release.parts[name].folder}"

    def live(self, name: str) -> str:
        """Return the path of a part that its service reads anew when it is told to. It stays when the content changes."""
        return f"{self.root}/live/{name}"

    def secret(self, name: str) -> str:
        """Return the path of a secret file on the host."""
        return f"{self.root}/secrets/{name}"

    def path(self, name: str) -> str:
        """Return the path of a folder on the host."""
        return f"{self.root}/{name}"

    def secrets_digest(self, names: Sequence[str]) -> pulumi.Output[str]:
        """Return a digest of secret files. It is no secret: generated values and hashes cannot be guessed from it."""
        # Of these files alone: a value that only `up` will know must not make the others unknown at preview.
        chosen: pulumi.Output[dict[str, str]] = pulumi.Output.all(**{name: self.secrets[name] for name in names})
        return pulumi.Output.unsecret(chosen.apply(digest_of))


@dataclass(frozen=True)
class Reload:
    """How a service takes a changed configuration without a restart: by SIGUSR1, after a check in its container.

    Attributes:
        check: Command that fails, and says why, when the service would refuse the configuration.
        confirmation: What the service logs when it has taken it.
    """

    check: Sequence[str]
    confirmation: str


class Host(Protocol):
    """A machine with a Docker engine on which the stack lives."""

    root: PurePosixPath
    user: str
    docker_socket: str

    @property
    def docker(self) -> pulumi.ProviderResource:
        """The provider of this host's Docker engine."""

    def provision(
        self,
        *,
        folders: Sequence[str],
        kept: Sequence[str],
        release: Release,
        live: Sequence[str],
        secrets: Mapping[str, pulumi.Input[str]],
    ) -> Shipped:
        """Bring folders, a release and secrets onto the host.

        Args:
            folders: Created below the root, owned by the services' user.
            kept: Those of `folders` that destroy leaves alone.
            release: Made current on the host.
            live: Parts that running services read anew when they are told to (`reload`).
            secrets: Content by file name, travelling by standard input (D11).
        """

    def reload(self, shipped: Shipped, part: str, *, container: pulumi.Resource, name: str, how: Reload) -> None:
        """Tell a running service that a live part of it has changed.

        Args:
            shipped: What the host holds.
            part: Name of the live part.
            container: The service's container.
            name: The container's name.
            how: What the service understands.
        """

    def build_image(self, shipped: Shipped, part: str) -> pulumi.Output[str]:
        """Build an image from a part that has a Dockerfile, unless the engine has it, and return its id."""

    def read(self, name: str, path: str, *, after: Sequence[pulumi.Resource]) -> pulumi.Output[str]:
        """Return the text of a file below the root that is no secret, when it is there.

        Args:
            name: Of the command.
            path: Relative to the root.
            after: What writes it.
        """

    def check(self, shipped: Shipped, plan: Plan, *, after: Sequence[pulumi.Resource]) -> None:
        """Use the registry as clients do, and fail when it does not work (D12).

        Args:
            shipped: What the host holds.
            plan: What runs.
            after: All services.
        """

    def prune(self, shipped: Shipped, *, after: Sequence[pulumi.Resource]) -> None:
        """Drop old releases from the host, once no container of `after` has them mounted any more."""


def secrets_document(files: Mapping[str, str]) -> str:
    """Return the JSON that `ops.host.provision secrets` reads."""
    return json.dumps(files, sort_keys=True)
