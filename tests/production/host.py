"""A MOCK of the server: what a place on Hetzner would give, of resources that need no cloud. Previews only; nothing is made."""

from __future__ import annotations

from pathlib import PurePosixPath

import pulumi

from infra.local import LocalHost
from infra.settings import Settings


class MockServer(LocalHost):
    """A MOCK of a server: its commands are local ones, which a preview never runs, and its paths are a server's."""

    def __init__(self, settings: Settings) -> None:
        super().__init__("MOCK-server", settings, pulumi.get_stack())
        self.root = PurePosixPath("/srv/private-registry")
        self.user = "10001:10001"
