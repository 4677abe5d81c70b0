"""A stack for the doctor: a real edge, gateway and registry, and the folder in which it finds secrets and settings."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.config import READ_ONLY_FOLDER, REGOPS_FILE, RIGHTS_FILE, Access, RegopsConfig, render
from ops.core.files import write_atomic
from ops.core.process import Completed
from ops.registry.canary import REPOSITORY
from stack_components.edge.component import config as edge_config
from stack_components.edge.registry_routes import Upstreams
from tests.free_ports import free_port
from tests.ops.command_line import regops
from tests.ops.gateway.gateway_rig import ADMIN, PASSWORDS, running, write_files, write_rights
from tests.ops.gateway.registry_rig import Registry, running_registry
from tests.plans import plan_of
from tests.real_programs import registry_binary
from tests.stack_components.edge.caddy import Ports, RunningCaddy, running_caddy

STEPS = ("answers", "login", "push", "closed", "pull", "cleanup")
NAME = "localhost"


@dataclass(frozen=True)
class Stack:
    """A registry behind an edge, and the folder in which the doctor finds secrets and settings."""

    folder: Path
    caddy: RunningCaddy
    registry: Registry

    @property
    def root(self) -> Path:
        """The stack's folder."""
        return self.folder / "root"

    @property
    def url(self) -> str:
        """The address by name, with TLS."""
        return f"https://{NAME}:{self.caddy.ports.tls}"

    @property
    def authority(self) -> Path:
        """The file of the edge's own authority."""
        return self.folder / "pki" / "authorities" / "local" / "root.crt"

    def tell(self, config: RegopsConfig) -> None:
        """Write what `regops` reads."""
        write_atomic(self.root / "current" / REGOPS_FILE, render(config))

    def doctor(self, *arguments: str, url: str | None = None) -> Completed:
        """Run the doctor as `up` and timers do, but without patience."""
        words = [*([] if "--post-deploy" in arguments else ["--registry"]), *(["--url", url] if url else [])]
        return regops(self.root, "doctor", *words, "--patience", "0", *arguments)

    def findings(self, *arguments: str, url: str | None = None) -> tuple[int, dict[str, dict[str, str]]]:
        """Return the doctor's exit code, and its findings by step."""
        done = self.doctor("--json", *arguments, url=url)
        document: dict[str, Any] = json.loads(done.stdout)
        assert document["exit_code"] == done.returncode
        return done.returncode, {check["name"]: check for check in document["checks"]}

    def failed(self, step: str, *arguments: str, url: str | None = None) -> tuple[int, str]:
        """Return the exit code and what is wrong; only that step may have failed, and later ones were not tried."""
        code, checks = self.findings(*arguments, url=url)
        states = {name: check["state"] for name, check in checks.items()}
        position = STEPS.index(step)
        assert states[step] == "failed", checks
        assert all(states[before] != "failed" for before in STEPS[:position])
        assert all(checks[after]["detail"] == "not tried" for after in STEPS[position + 1 :])
        assert checks[step]["remedy"]
        return code, checks[step]["detail"]

    def tags(self) -> list[str]:
        """Return the tags of the canary's repository."""
        token = self.registry.token(f"repository:{REPOSITORY}:pull", "admin")
        return sorted(self.registry.request("GET", f"/v2/{REPOSITORY}/tags/list", token).json()["tags"] or [])

    def manifests(self) -> int:
        """Return how many manifests the canary's repository holds."""
        revisions = self.folder / f"registry/docker/registry/v2/repositories/{REPOSITORY}/_manifests/revisions/sha256"
        return len(list(revisions.glob("*/link")))


@contextlib.contextmanager
def stack_with(folder: Path, anonymous: tuple[Access, ...], told: tuple[Access, ...] | None = None) -> Iterator[Stack]:
    """Run a stack. `told` is what its settings say of anybody, when that is not what the gateway does."""
    port = free_port()
    write_files(folder, port=port, anonymous=anonymous)
    (folder / READ_ONLY_FOLDER).mkdir()
    with (
        running(folder, port) as gateway,
        running_registry(registry_binary(), folder, gateway.url) as registry,
    ):
        hosts = Upstreams(*(url.removeprefix("http://") for url in (registry.url, gateway.url)))
        edge = dataclasses.replace(edge_config(plan_of(protection={"enabled": False})), upstreams=hosts, pages=[])
        with running_caddy(edge, folder, Ports()) as caddy:
            stack = Stack(folder, caddy, registry)
            for name, text in {"registry_user": "admin", "registry_pass": PASSWORDS["admin"]}.items():
                (stack.root / "secrets").mkdir(parents=True, exist_ok=True)
                (stack.root / "secrets" / name).write_text(text)
            write_rights(stack.root / RIGHTS_FILE, ADMIN, anonymous=anonymous if told is None else told)
            stack.tell(RegopsConfig(stack="test", url=stack.url, ca=stack.authority, data="data", metrics="metrics"))
            (stack.root / "metrics").mkdir()
            yield stack
