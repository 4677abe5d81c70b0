"""Logins at registries that images are mirrored from, and the names of the secret files that they become."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from ops.config import HIGHEST_PORT, HUB, REGISTRY_NAME, Strict, in_full

_EXAMPLES = "should be a registry as images name it, such as quay.io or registry.example.com:5000"
_LONGEST_SHOWN = 24


def _registry(name: str) -> str:
    port = name.partition(":")[2]
    if not re.fullmatch(REGISTRY_NAME, name) or (port and not 1 <= int(port) <= HIGHEST_PORT):
        raise ValueError(_EXAMPLES)
    if in_full(name, "any/name")[0] != name:
        raise ValueError(f"is {HUB}; write it so")
    return name


UpstreamName = Annotated[str, AfterValidator(_registry)]
_Part = Annotated[SecretStr, Field(min_length=1)]


class UpstreamLogin(Strict):
    """An account at a registry.

    Attributes:
        user: Its name.
        token: Its password, or better a token that may only read.
    """

    user: _Part | None = None
    token: _Part | None = None


def secret_names(registry: str) -> tuple[str, str]:
    """Return the names of the two secret files of a registry, which no other registry has.

    Args:
        registry: Its host, with a port if it needs one.
    """
    readable = re.sub("[^a-z0-9]", "_", registry)[:_LONGEST_SHOWN]
    name = f"upstream_{readable}_{hashlib.sha256(registry.encode()).hexdigest()[:8]}"
    return f"{name}_user", f"{name}_token"


def secret_values(logins: Mapping[str, UpstreamLogin]) -> Mapping[str, SecretStr]:
    """Return what the secret files of whole logins hold, by their names."""
    pairs = {
        name: value
        for registry, login in logins.items()
        for name, value in zip(secret_names(registry), (login.user, login.token), strict=True)
    }
    return {name: value for name, value in pairs.items() if value is not None}


def faults(logins: Mapping[str, UpstreamLogin], named_otherwise: Iterable[tuple[str, tuple[str, str]]]) -> Iterator[str]:
    """Yield what is wrong with logins, each with its key and a remedy.

    Args:
        logins: By registry.
        named_otherwise: Registries whose login is set by secrets of their own, with the names of those.
    """
    twice = dict(named_otherwise)
    for registry, login in logins.items():
        key = f'upstream_logins["{registry}"]'
        if registry in twice:
            others = " and ".join(twice[registry])
            yield f"{key}: its login is given by {others} too; remove one: `pulumi config rm --path '{key}'`"
        given = {"user": login.user, "token": login.token}
        for part in (name for name, value in given.items() if value is None):
            yield f"{key}: {part} is missing; set it with `pulumi config set --secret --path '{key}.{part}'`"
