"""Plans of stacks for tests: typical ones, and one in which every service runs."""

from __future__ import annotations

from functools import cache
from typing import Any

from infra.images import load_lock
from infra.plan import Plan, make_plan
from infra.project import LOCK
from infra.settings import parse

# Settings with which every service of the table runs.
EVERYTHING: dict[str, Any] = {
    "sync": {
        "entries": [{"source": "docker.io/library/alpine", "tags": ["3\\.[0-9]+"]}],
        "retention": [{"repository": "ci/app", "tags": "ci-[0-9]+", "keep": 10}],
        "scripts": [{"name": "count", "repositories": ["ci/**"], "script": "log(#tag.ls(registry .. '/ci/app'))"}],
    },
    "management": {"enabled": True},
    "sign_on": {
        "issuer": "https://id.example.com",
        "emails": ["ann@example.com", "bob@example.com"],
        "operators": ["ann@example.com"],
    },
    "oidc_client_id": "the-client-id",
    "oidc_client_secret": "the-client-secret",
}
# With it a stack has backups.
BACKUP: dict[str, Any] = {"target": "ssh://backup@nas.example.com:2222/registry"}
# What every stack on a server must set.
SSH_FROM: dict[str, Any] = {"ssh_from": ["203.0.113.7/32"]}
# The smallest stack there is.
BARE: dict[str, Any] = {
    "console": {"enabled": False},
    "ui": {"enabled": False},
    "sync": {"enabled": False},
    "monitoring": {"enabled": False},
    "protection": {"enabled": False},
}
# A mirror that has a catalogue, and one.
MIRROR: dict[str, Any] = {"into": ["library/**", "mirror/tools"]}
CATALOGUE = b"""\
version: 1
sync:
  # what everything is built on
  - source: docker.io/library/alpine
    target: localhost:8080/library/alpine
    type: repository
    tags: {allow: ['3\\.[0-9]+']}
  - source: ghcr.io/org/tools:1.2
    target: localhost:8080/mirror/tools:stable
    type: image
"""
_images = cache(load_lock)
# The defaults, for helpers whose stacks are bare unless told otherwise.
DEFAULTS: dict[str, Any] = {key: {} for key in BARE}


def plan_of(**raw: Any) -> Plan:
    """Return the plan of a stack with these settings, on a machine that has all images."""
    return plan_with(None, **raw)


def plan_with(catalogue: bytes | None, **raw: Any) -> Plan:
    """Return the plan of a stack with these settings and this catalogue, on a machine that has all images."""
    if raw.get("place") == "hetzner":
        raw.setdefault("hetzner", SSH_FROM)
    return make_plan(parse(raw, stack="test"), _images(LOCK), catalogue)
