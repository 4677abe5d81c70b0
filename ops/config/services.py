"""What the program and the host agree on about the services: which user they run as, and what their containers are called."""

from __future__ import annotations

# Of a server, as UID:GID: unprivileged, and nobody else's. It owns the stack's data and may read its secrets.
SERVICE_USER = "10001:10001"


def container_name(stack: str, service: str) -> str:
    """Return the name of the container that runs a service; without a service, what the names of all of a stack begin with."""
    return f"{stack}-{service}"
