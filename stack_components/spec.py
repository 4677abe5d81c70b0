"""The spec of a component: what it needs on the host before its services start, and how they are started."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from infra.plan import Plan
from infra.release import Part
from infra.secrets import Secrets
from stack_components.context import Context


def _no_folders(_: Plan) -> Sequence[str]:
    return ()


def _no_parts(_: Plan) -> Sequence[Part]:
    return ()


def _no_secret_files(_: Plan, __: Secrets) -> Mapping[str, pulumi.Output[str]]:
    return {}


@dataclass(frozen=True)
class ComponentSpec:
    """What one component needs, and how it is created.

    Attributes:
        services: The services that it may run, by their name in the table. If none of them runs, the component is left out.
        start: Creates the component.
        folders: Host folders that its services write to; the services' user owns them.
        kept: Those of the folders that destroy leaves in place.
        parts: Its configuration, as parts of the release.
        secret_files: Its secret files, content by path below the secrets folder.
        hot_reloaded: Parts of the release that a service of it takes in while it runs.
        reload: Lets it take in what has changed, once everything runs (`after`); None where nothing can be.
    """

    services: tuple[str, ...]
    start: Callable[..., pulumi.ComponentResource]
    folders: Callable[[Plan], Sequence[str]] = field(default=_no_folders)
    kept: Callable[[Plan], Sequence[str]] = field(default=_no_folders)
    parts: Callable[[Plan], Sequence[Part]] = field(default=_no_parts)
    secret_files: Callable[[Plan, Secrets], Mapping[str, pulumi.Output[str]]] = field(default=_no_secret_files)
    hot_reloaded: tuple[str, ...] = ()
    reload: Callable[..., pulumi.Resource] | None = None


class ComponentSpecs:
    """The specs of all components that have a service to run."""

    def __init__(self, plan: Plan, specs: Sequence[ComponentSpec]) -> None:
        self._plan = plan
        self._chosen = [spec for spec in specs if any(plan.runs(service) for service in spec.services)]

    @property
    def folders(self) -> Sequence[str]:
        """The host folders of all components."""
        return [folder for spec in self._chosen for folder in spec.folders(self._plan)]

    @property
    def kept(self) -> Sequence[str]:
        """The host folders that destroy leaves in place."""
        return [folder for spec in self._chosen for folder in spec.kept(self._plan)]

    @property
    def parts(self) -> Sequence[Part]:
        """The parts of the release of all components."""
        return [part for spec in self._chosen for part in spec.parts(self._plan)]

    @property
    def hot_reloaded(self) -> Sequence[str]:
        """The parts that are taken in by services while they run."""
        return [part for spec in self._chosen for part in spec.hot_reloaded]

    def secret_files(self, secrets: Secrets) -> Mapping[str, pulumi.Output[str]]:
        """The secret files of all components."""
        return {name: content for spec in self._chosen for name, content in spec.secret_files(self._plan, secrets).items()}

    def start(self, context: Context) -> Sequence[pulumi.Resource]:
        """Create the components, in the order of the specs."""
        return [spec.start(context) for spec in self._chosen]

    def reload(self, context: Context, *, after: Sequence[pulumi.Resource]) -> Sequence[pulumi.Resource]:
        """Let running services take in what has changed; return what does.

        Args:
            context: What the components were created with.
            after: What waits until all services run.
        """
        return [spec.reload(context, after=after) for spec in self._chosen if spec.reload]
