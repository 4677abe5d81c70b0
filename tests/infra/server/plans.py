"""The plan of a server, of which only the settings matter here."""

from __future__ import annotations

from dataclasses import replace

from infra.images import load_lock
from infra.paths import PROJECT_FOLDER
from infra.plan import Plan
from infra.settings import parse
from tests.plans import BACKUP, CATALOGUE, MIRROR

# With a rule, or a catalogue, there is a task for it.
RULES = [{"repository": "ci/app", "tags": "ci-.*", "keep": 10}]


def plan(**edge: object) -> Plan:
    """Return a plan with these settings of the edge, with alerts, protection, backups, a catalogue and rules of retention."""
    given: dict[str, object] = {"place": "hetzner", "registry_host": "registry.example.com", "edge": edge}
    given |= {"backup": BACKUP, "sync": {**MIRROR, "retention": RULES}}
    lock = PROJECT_FOLDER / "images.lock"
    return Plan(parse(given, stack="test"), load_lock(lock, floors=lock), ("regsync", "alertmanager", "crowdsec"), {}, CATALOGUE)


def with_console() -> Plan:
    """Return the same plan with a console, in which operators can ask for what is done."""
    return replace(plan(), services=("console",))
