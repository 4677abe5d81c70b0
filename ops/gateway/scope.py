"""Token scopes: what a request asks for and what it is granted. Pure functions over the specification's grammar.

https://distribution.github.io/distribution/spec/auth/scope/
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import get_args

from ops.config import REPOSITORY_NAME, Access, Action

# Far more than clients ask for in one request. The registry's names have at most 255 characters.
MAX_SCOPES = 100
_MAX_NAME = 255

_TYPE = re.compile(r"(?P<type>[a-z0-9]+)(?:\((?P<class>[a-z0-9]+)\))?")
_NAME = re.compile(rf"(?:[A-Za-z0-9]+(?:[.-]+[A-Za-z0-9]+)*(?::[0-9]+)?/)?{REPOSITORY_NAME}")
_ACTION = re.compile(r"[a-z]+|\*")
_ALL_ACTIONS = "*"
_ORDER: tuple[Action, ...] = get_args(Action)


@dataclass(frozen=True)
class TokenScope:
    """Actions on one resource: asked for, or granted by a token."""

    type: str
    name: str
    actions: frozenset[str]
    resource_class: str = ""

    def claim(self) -> dict[str, object]:
        """Return the entry for the token's `access` claim."""
        known = [action for action in (_ALL_ACTIONS, *_ORDER) if action in self.actions]
        entry: dict[str, object] = {"type": self.type, "name": self.name, "actions": known}
        return {**entry, "class": self.resource_class} if self.resource_class else entry


def parse(parameters: Iterable[str]) -> list[TokenScope]:
    """Read the `scope` parameters of a request: each holds scopes separated by spaces.

    Scopes that do not follow the grammar are ignored, and so are those beyond `MAX_SCOPES`. Scopes for the same resource are
    merged.
    """
    merged: dict[tuple[str, str, str], frozenset[str]] = {}
    texts = [text for parameter in parameters for text in parameter.split(" ") if text]
    for text in texts[:MAX_SCOPES]:
        scope = _parse_one(text)
        if scope:
            key = (scope.type, scope.resource_class, scope.name)
            merged[key] = merged.get(key, frozenset()) | scope.actions
    return [TokenScope(kind, name, actions, resource_class) for (kind, resource_class, name), actions in merged.items()]


def grant(asked: Iterable[TokenScope], access: Iterable[Access], *, catalog: bool) -> list[TokenScope]:
    """Return what is allowed of what is asked for; a resource for which nothing is allowed is left out.

    Args:
        asked: What the client wants.
        access: What it may do with repositories. The action `*` asks for all of it.
        catalog: Whether it may list all repositories (`registry:catalog:*`).
    """
    rules = list(access)
    granted = (_grant_one(scope, rules, catalog=catalog) for scope in asked)
    return [scope for scope in granted if scope.actions]


def _parse_one(text: str) -> TokenScope | None:
    # The name may hold colons itself (host:port/name), so it is what lies between the first and the last.
    kind, _, rest = text.partition(":")
    name, _, actions = rest.rpartition(":")
    resource = _TYPE.fullmatch(kind)
    wanted = actions.split(",")
    if not resource or len(name) > _MAX_NAME or not _NAME.fullmatch(name) or not all(map(_ACTION.fullmatch, wanted)):
        return None
    return TokenScope(resource["type"], name, frozenset(wanted), resource["class"] or "")


def _grant_one(scope: TokenScope, access: list[Access], *, catalog: bool) -> TokenScope:
    allowed: frozenset[str] = frozenset()
    match scope.type, scope.name:
        case "repository", name:
            allowed = frozenset(action for rule in access if rule.covers(name) for action in rule.actions)
            if _ALL_ACTIONS not in scope.actions:
                allowed &= scope.actions
        case "registry", "catalog" if catalog:
            allowed = scope.actions & {_ALL_ACTIONS}
    return TokenScope(scope.type, scope.name, allowed, scope.resource_class)
