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
    """What one component needs, and how it is made.

    Attributes:
        services: What it may run, by name in the table of services. With none of them running it is left out.
        start: Makes its component.
        after: Services that must answer before its own start.
        folders: Host folders that its services write; the services' user owns them.
        kept: Those of them that destroy leaves alone.
        parts: Its configuration, which travels in the release.
        secret_files: Files that hold secrets, by their path below the secrets folder.
    """

    services: tuple[str, ...]
    start: Callable[..., pulumi.ComponentResource]
    after: tuple[str, ...] = ()
    folders: Callable[[Plan], Sequence[str]] = field(default=_no_folders)
    kept: Callable[[Plan], Sequence[str]] = field(default=_no_folders)
    parts: Callable[[Plan], Sequence[Part]] = field(default=_no_parts)
    secret_files: Callable[[Plan, Secrets], Mapping[str, pulumi.Output[str]]] = field(default=_no_secret_files)


class ComponentSpecs:
    """The specs of those components of which a service runs, together."""

    def __init__(self, plan: Plan, specs: Sequence[ComponentSpec]) -> None:
        self._plan = plan
        self._chosen = [spec for spec in specs if any(plan.runs(service) for service in spec.services)]

    @property
    def folders(self) -> Sequence[str]:
        """Host folders of all."""
        return [folder for spec in self._chosen for folder in spec.folders(self._plan)]

    @property
    def kept(self) -> Sequence[str]:
        """Host folders that destroy leaves alone."""
        return [folder for spec in self._chosen for folder in spec.kept(self._plan)]

    @property
    def parts(self) -> Sequence[Part]:
        """Parts of the release of all."""
        return [part for spec in self._chosen for part in spec.parts(self._plan)]

    def secret_files(self, secrets: Secrets) -> Mapping[str, pulumi.Output[str]]:
        """Secret files of all."""
        return {name: content for spec in self._chosen for name, content in spec.secret_files(self._plan, secrets).items()}

    def start(self, context: Context) -> Sequence[pulumi.Resource]:
        """Make the components, in the order of the specs."""
        made: dict[str, pulumi.ComponentResource] = {}
        for spec in self._chosen:
            waits = [made[service] for service in spec.after if service in made]
            options = [pulumi.ResourceOptions(depends_on=waits)] if waits else []
            made |= dict.fromkeys(spec.services, spec.start(context, *options))
        return list(dict.fromkeys(made.values()))
