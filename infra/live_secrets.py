"""Secret files that running services take in: a folder of copies for each service, of which one is current.

    secrets/live/<service>/<digest>/<file>
    secrets/live/<service>/current          -> <digest>

The service mounts its folder, which stays, so a change replaces no container.
"""

from __future__ import annotations

from collections.abc import Mapping

from infra.release import digest_of
from ops.core.layout import LIVE


def live_secret(service: str, name: str) -> str:
    """Return under which name a component declares such a file."""
    return f"{LIVE}/{service}/{name}"


def live_folder(service: str) -> str:
    """Return the folder of a service's copies, below the root."""
    return f"secrets/{LIVE}/{service}"


def is_live(name: str) -> bool:
    """Whether a secret file is one that its service takes in while it runs."""
    return name.startswith(f"{LIVE}/")


def is_of(service: str, name: str) -> bool:
    """Whether a secret file is one that this service takes in while it runs."""
    return name.startswith(live_secret(service, ""))


def as_installed(files: Mapping[str, str]) -> Mapping[str, str]:
    """Return the same files by the paths at which they are installed: with the digest of the copy that they belong to."""
    services = {name.split("/")[1] for name in filter(is_live, files)}
    copies = {service: digest_of({name: files[name] for name in files if is_of(service, name)}) for service in services}

    def path(name: str) -> str:
        first, _, rest = name.partition("/")
        service, _, file = rest.partition("/")
        return f"{LIVE}/{service}/{copies[service]}/{file}" if first == LIVE else name

    return {path(name): content for name, content in files.items()}
