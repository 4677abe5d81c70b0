"""Which metrics rules and dashboards ask for."""

from __future__ import annotations

from stack_components.monitoring.alerts import rule_file
from tests.plans import plan_of
from tests.stack_components.monitoring.dashboard_queries import Query, queries


def used(prefix: str) -> set[str]:
    """Return the names of the metrics with a prefix that the rules of a whole stack and all dashboards ask for."""
    rules = [Query(group.name, rule.expr) for group in rule_file(plan_of()).groups for rule in group.rules]
    return {name for query in (*rules, *queries()) for name in query.names if name.startswith(prefix)}
