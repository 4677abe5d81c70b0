"""The labels of everything that a stack creates in a Docker engine."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from infra.host import Host
from infra.settings import Settings
from ops.core.labels import NAME_LABEL, REVISION_LABEL, ROOT_LABEL


def stack_labels(settings: Settings, host: Host, revision: pulumi.Output[str]) -> pulumi.Output[Mapping[str, str]]:
    """Return the labels that say which stack something belongs to, where that stack's folder is, and its revision, if it has one.

    A label that changes has it made anew.
    """
    fixed = {NAME_LABEL: settings.name, ROOT_LABEL: str(host.root)}
    return revision.apply(lambda revision: {**fixed, **({REVISION_LABEL: revision} if revision else {})})
