"""The docker plugin: which resources it has."""

from __future__ import annotations

from collections.abc import Mapping

from tools.offline.plugins.docker.container import Container
from tools.offline.plugins.docker.engine import DockerEngine, check_config
from tools.offline.plugins.docker.image import RemoteImage
from tools.offline.plugins.docker.network import Network
from tools.offline.plugins.docker.volume import Volume
from tools.offline.plugins.plugin import Package, run
from tools.offline.plugins.resource import Resource
from tools.offline.plugins.session import Session


def _resources(session: Session) -> Mapping[str, Resource]:
    engine = DockerEngine(session)
    return {
        "docker:index/container:Container": Container(engine),
        "docker:index/network:Network": Network(engine),
        "docker:index/volume:Volume": Volume(engine),
        "docker:index/remoteImage:RemoteImage": RemoteImage(engine),
    }


PACKAGE = Package("docker", accepts_secrets=False, check_config=check_config, resources=_resources)


def main() -> None:
    """Serve the plugin."""
    run(PACKAGE)
