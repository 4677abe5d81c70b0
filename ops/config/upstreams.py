"""The registries that images come from: how Docker reads the names of theirs, and which of them a stack can log in to."""

from __future__ import annotations

# Docker Hub, and what it is called too: https://github.com/regclient/regclient/blob/v0.11.6/types/ref/ref.go
HUB = "docker.io"
HUB_HOST = "registry-1.docker.io"
_ALSO_HUB = ("index.docker.io", HUB_HOST)
_OFFICIAL = "library"
# A name's first part is a registry if it has a dot or a port, or is localhost: https://github.com/distribution/reference
REGISTRY_NAME = (
    r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]*[a-z0-9](?::[0-9]{1,5})?|[a-z0-9-]*[a-z0-9]:[0-9]{1,5}|localhost"
)
# The secrets with user and token. The logins of other registries have no names of their own.
UPSTREAM_LOGINS = {HUB: ("hub_user", "hub_token"), "ghcr.io": ("ghcr_user", "ghcr_token")}


def in_full(registry: str | None, repository: str) -> tuple[str, str]:
    """Return a registry and a repository there in full: without a registry it is Docker Hub, as for Docker.

    Args:
        registry: As written; None or empty if there is none.
        repository: As written; Docker Hub's official ones may be short.
    """
    if not registry or registry in _ALSO_HUB:
        registry = HUB
    if registry == HUB and "/" not in repository:
        repository = f"{_OFFICIAL}/{repository}"
    return registry, repository
