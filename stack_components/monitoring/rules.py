"""Prometheus rules as a typed model: recording rules and alerts. Each alert says what to do, and where there is more about it.

Keys and their meaning: https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/
"""

from __future__ import annotations

from typing import Literal

import yaml
from pydantic import Field

from ops.config import Strict

Severity = Literal["critical", "warning", "none"]


RUNBOOKS = "docs/runbooks"


class Annotations(Strict):
    """What an alert says: what is wrong, what to do, and the section of this repository's documentation that says more."""

    summary: str
    description: str
    runbook: str | None = None


class Alert(Strict):
    """An alert; it fires once its expression has been true for as long as `hold` says."""

    alert: str
    expr: str
    hold: str | None = Field(default=None, serialization_alias="for")
    labels: dict[str, str]
    annotations: Annotations


class Record(Strict):
    """A series that is computed once and read many times."""

    record: str
    expr: str


class Group(Strict):
    """Rules that are evaluated in order."""

    name: str
    interval: str | None = None
    rules: list[Alert | Record]


class RuleFile(Strict):
    """The whole of rules.yml."""

    groups: list[Group]


def alert(name: str, expr: str, *, hold: str | None, severity: Severity, service: str, summary: str, to_do: str) -> Alert:
    """Return an alert about a service; `to_do` says what to do when it fires."""
    labels = {"severity": severity, "service": service}
    return Alert(alert=name, expr=expr, hold=hold, labels=labels, annotations=Annotations(summary=summary, description=to_do))


def with_runbook(group: Group) -> Group:
    """Return a group whose alerts name their sections: each group has a page, and each alert a heading on it."""
    return group.model_copy(update={"rules": [_with_section(rule, group.name) for rule in group.rules]})


def _with_section(rule: Alert | Record, page: str) -> Alert | Record:
    if isinstance(rule, Record):
        return rule
    section = f"{RUNBOOKS}/{page}.md#{rule.alert.lower()}"
    return rule.model_copy(update={"annotations": rule.annotations.model_copy(update={"runbook": section})})


def render(rules: RuleFile) -> str:
    """Return rules.yml."""
    return yaml.safe_dump(rules.model_dump(mode="json", by_alias=True, exclude_none=True), sort_keys=False, width=120)
