"""A stack with a real CrowdSec, and the folder in which `regops` finds what it reads of it."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from docker.models.containers import Container

from ops.config import REGOPS_FILE, RegopsConfig, ServiceLimits, render
from ops.core.files import write_atomic
from ops.core.process import Completed
from ops.stack.stack import Stack
from tests.ops.command_line import regops
from tests.stack_components.protection.container import CrowdSec, stack_below

# All are reserved for documentation (RFC 5737, RFC 3849).
# None but ALLOWED is in the networks that the settings allow: when CrowdSec restarts, it lifts the bans of those.
SCANNER, NETWORK, WITHIN, SIXTH = "203.0.113.7", "192.0.2.128/25", "192.0.2.130", "2001:db8::7"
LISTED = "192.0.2.66"
ALLOWED = "198.51.100.200"
_LIMITS = ServiceLimits(cpus=0.5, memory_mib=1024)


def write_config(root: Path, name: str, *services: str, url: str = "https://registry.example.com") -> Stack:
    """Write what `regops` reads of a stack."""
    config = RegopsConfig(stack=name, services=dict.fromkeys(services, _LIMITS), url=url, data="data/regops")
    write_atomic(root / "current" / REGOPS_FILE, render(config))
    return Stack(root)


@dataclass(frozen=True)
class Protected:
    """A stack whose CrowdSec runs."""

    stack: Stack
    container: Container

    def ban(self, value: str, reason: str) -> None:
        """Ban an address or a network."""
        CrowdSec(self.container).ban(value, reason)

    def list(self, value: str) -> None:
        """Ban an address as a list to which the stack is subscribed."""
        self.ban(value, "a-list")
        # Lists come from the Internet alone.
        with contextlib.closing(sqlite3.connect(self.stack.root / "data/crowdsec/data/crowdsec.db", timeout=10)) as database:
            assert database.execute("UPDATE decisions SET origin = 'lists' WHERE value = ?", [value]).rowcount
            database.commit()

    def regops(self, *words: str) -> Completed:
        """Run `regops` as somebody types it."""
        return regops(self.stack.root, *words)


@contextlib.contextmanager
def protected_stack(folder: Path) -> Iterator[Protected]:
    """Run a stack's CrowdSec, which knows of no bans."""
    with stack_below(folder) as below:
        below.set_key("the-edges-key")
        with below.running() as crowdsec:
            name = str(crowdsec.container.name).removesuffix("-crowdsec")
            yield Protected(write_config(folder, name, "crowdsec"), crowdsec.container)
