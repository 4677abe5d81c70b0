"""A stack's folder with images, a ledger and a history, and the console that reads it."""

from __future__ import annotations

import asyncio
import html
import json
import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
from starlette.applications import Starlette

from ops.backups.standing import Drilled, Good, standing_of
from ops.config import REGOPS_FILE, BackupSettings, ConsoleConfig, RegopsConfig, ServiceLimits, render
from ops.console.app import Console
from ops.core.files import write_atomic
from ops.registry.index import index_of
from ops.registry.listing import listing_of
from ops.registry.snapshots.removed import Removed
from ops.registry.snapshots.store import Snapshot, SnapshotState, SnapshotStore
from ops.registry.snapshots.trash import remove
from ops.registry.tree import Entry, Kind, RegistryTree
from ops.runs.history import ENDED, Run, history_of
from ops.stack.access_log import access_log_of
from ops.stack.ban_list import note_bans
from ops.stack.crowdsec import Ban
from ops.stack.stack import Stack
from ops.tasks.changes.ledger import Ledger
from ops.tasks.changes.model import Change, Source
from ops.tasks.changes.run import LEDGER
from tests.ops.tasks.gc.trees import Layout

REGISTRY = "registry.example.com"
CONFIG_TYPE, LAYER_TYPE = "application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip"
# A name that would be a script if it were not escaped. Names in the ledger and in histories come from outside.
HOSTILE = "<script>alert(1)</script>"
_LIMITS = ServiceLimits(cpus=0.5, memory_mib=128)


def before(*, days: float = 0, minutes: float = 0) -> datetime:
    """Return when it was so long ago; asked when a test needs it, since a whole run of tests takes long."""
    return datetime.now(UTC) - timedelta(days=days, minutes=minutes)


@dataclass
class Furnished:
    """A stack's folder, and what writes into it.

    Attributes:
        root: The folder.
    """

    root: Path
    layout: Layout = field(init=False)

    def __post_init__(self) -> None:
        """Write what the program would."""
        config = RegopsConfig(
            stack="test",
            services=dict.fromkeys(("registry", "edge", "console"), _LIMITS),
            url=f"https://{REGISTRY}",
            data="data/regops",
            backup=BackupSettings(target="/backups"),
        )
        write_atomic(self.root / "current" / REGOPS_FILE, render(config))
        live = self.root / "live/regops/current"
        live.parent.mkdir(parents=True)
        live.symlink_to("../../current/regops")
        for folder in ("regops", "registry", "snapshots", "gateway"):
            (self.root / "data" / folder).mkdir(parents=True, exist_ok=True)
        self.layout = Layout(RegistryTree(self.root / "data/registry"))

    @property
    def stack(self) -> Stack:
        """The stack."""
        return Stack(self.root)

    def image(self, repository: str, *layers: bytes, architecture: str = "amd64", **config: Any) -> str:
        """Lay out an image as builders write it; return its digest."""
        described = {
            "architecture": architecture,
            "os": "linux",
            "created": "2026-11-01T10:00:00Z",
            "config": {"Cmd": ["sh"], "Env": ["PATH=/bin"], "Labels": {"maintainer": "the team"}, **config},
            "history": [{"created_by": "COPY . /app"}],
        }
        parts = [(CONFIG_TYPE, json.dumps(described).encode()), *((LAYER_TYPE, layer) for layer in layers)]
        listed = [
            {"mediaType": kind, "digest": self.layout.layer(repository, content), "size": len(content)} for kind, content in parts
        ]
        return self._manifest(repository, config=listed[0], layers=listed[1:])

    def index(self, repository: str, platforms: Mapping[str, str]) -> str:
        """Lay out an index; return its digest.

        Args:
            repository: Where.
            platforms: Digests by architecture.
        """
        listed = [
            {"digest": digest, "platform": {"os": "linux", "architecture": architecture}}
            for architecture, digest in platforms.items()
        ]
        return self._manifest(repository, manifests=listed)

    def artifact(self, repository: str, kind: str, content: bytes, title: str) -> str:
        """Lay out an artifact with one file; return its digest."""
        empty = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": self.layout.layer(repository, b"{}"), "size": 2}
        part = {
            "mediaType": "application/octet-stream",
            "digest": self.layout.layer(repository, content),
            "size": len(content),
            "annotations": {"org.opencontainers.image.title": title},
        }
        return self._manifest(repository, artifactType=kind, config=empty, layers=[part])

    def tag(self, repository: str, tag: str, digest: str) -> None:
        """Set a tag."""
        self.layout.tag(repository, tag, digest)

    def record(self, change: Change, *, days_ago: float = 0, actor: str | None = None) -> None:
        """Write a change into the ledger."""
        at = before(days=days_ago)
        with closing(Ledger(self.stack.data / LEDGER)) as ledger, ledger.transaction():
            ledger.append(change, at, kind=change.kind, source=Source.EVENT if actor else Source.SCAN, actor=actor)

    def ran(self, task: str, *, minutes_ago: float = 5, state: str = ENDED, **more: Any) -> None:
        """Write a run into the history."""
        at = before(minutes=minutes_ago)
        run = Run(f"{at:%Y%m%dT%H%M%S}-{task}", task, at.isoformat(), state, **{"seconds": 3.0, "exit_code": 0, **more})
        history_of(self.stack).add(run)

    def backed_up(self, *, days_ago: float = 0.1) -> None:
        """Note a good backup, and a drill that passed."""
        at = before(days=days_ago).timestamp()
        standing = standing_of(self.stack)
        standing.note_good(Good("1a2b3c4d", at, tags=4, blobs=12, size=5 * 2**20, added=2**20, seconds=4.0))
        figures = {"rto_seconds": 84.0, "rpo_seconds": 3600.0}
        standing.note_drilled(Drilled("1a2b3c4d", at, passed=True, summary="4 tags came back", figures=figures))

    def snapshot(self, why: str = "snapshot") -> Snapshot:
        """Make a snapshot."""
        return self._snapshots.create(why, index_of(listing_of(self.layout.tree)))

    def collect(self, repository: str, tag: str) -> Snapshot:
        """Delete a tag and its manifest, as a garbage collection does."""
        tree, snapshot = self.layout.tree, self.snapshot("gc")
        digest = tree.tagged(repository, tag)
        assert digest
        removed = [Removed(Entry(Kind.BLOB, digest), ""), Removed(Entry(Kind.TAG, digest, repository, tag), digest)]
        snapshot = snapshot.note_removed(removed).become(SnapshotState.SWEEPING)
        for one in removed:
            remove(tree, one.entry, snapshot.trash)
        return snapshot.become(SnapshotState.SWEPT)

    def protect(self, *bans: Ban, community: int | None = 0) -> None:
        """Let CrowdSec be part of the stack, and write down whom it has banned."""
        services = {**self.stack.config.services, "crowdsec": _LIMITS}
        write_atomic(self.root / "current" / REGOPS_FILE, render(self.stack.config.model_copy(update={"services": services})))
        note_bans(self.stack, bans, community)

    def requested(self, *lines: bytes) -> None:
        """Write lines into the access log: see `tests.ops.stack.test_access_log`."""
        log = access_log_of(self.stack)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as file:
            file.writelines(lines)

    @property
    def _snapshots(self) -> SnapshotStore:
        return SnapshotStore(self.root / "data/snapshots", self.layout.tree)

    def _manifest(self, repository: str, **members: Any) -> str:
        return self.layout.manifest(repository, json.dumps({"schemaVersion": 2, **members}).encode())


def furnished(root: Path) -> Furnished:
    """Return a stack's folder with a few images, changes and runs, some with hostile names."""
    stack = Furnished(root)
    amd, arm = (stack.image("library/alpine", b"base", name.encode(), architecture=name) for name in ("amd64", "arm64"))
    old = stack.image("library/alpine", b"older")
    index = stack.index("library/alpine", {"amd64": amd, "arm64": arm})
    for tag in ("3.21", "3.22", "latest"):
        stack.tag("library/alpine", tag, index)
    app = stack.image("team/app", b"base", b"app" * 4000, Labels={"title": HOSTILE})
    stack.tag("team/app", "v1", app)
    stack.tag("team/app", f"sha256-{app.partition(':')[2]}.sig", stack.artifact("team/app", "a/signature", b"sig", HOSTILE))
    stack.tag("charts/web", "1.0.0", stack.artifact("charts/web", "application/vnd.cncf.helm.chart", b"chart", "web.tgz"))
    stack.record(Change("library/alpine", "latest", None, old), days_ago=9, actor="mirror")
    stack.record(Change("library/alpine", "latest", old, index), days_ago=2, actor="mirror")
    stack.record(Change("team/app", "v1", None, app), days_ago=1, actor=HOSTILE)
    stack.record(Change("team/gone", "v9", app, None), days_ago=0.5, actor="alice")
    stack.ran("gc", minutes_ago=600, summary="deleted 3 blobs, freed 5 MB")
    stack.ran("doctor", summary="all is well")
    return stack


@dataclass(frozen=True)
class Browser:
    """Asks for pages, without a network."""

    app: Starlette

    def get(self, path: str, *, method: str = "GET", **headers: str) -> httpx.Response:
        """Return the answer to a request."""
        return self._ask(method, path, headers, b"")

    def post(self, path: str, form: Mapping[str, str] | bytes, **headers: str) -> httpx.Response:
        """Return the answer to a form that was sent."""
        content = form if isinstance(form, bytes) else urlencode(form).encode()
        return self._ask("POST", path, headers, content)

    def _ask(self, method: str, path: str, headers: Mapping[str, str], content: bytes) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://console") as client:
                return await client.request(method, path, headers=headers, content=content)

        return asyncio.run(ask())

    def text(self, path: str) -> str:
        """Return a page that is there, as HTML."""
        answer = self.get(path)
        assert answer.status_code == HTTPStatus.OK, answer.text
        return answer.text


def console_config(root: Path, **settings: Any) -> ConsoleConfig:
    """Return the configuration of a console. Nothing answers for its registry unless a setting says so."""
    return ConsoleConfig(
        root=root, title="Test registry", registry=REGISTRY, **{"registry_url": "http://127.0.0.1:9", **settings}
    )


def console(root: Path, **settings: Any) -> Browser:
    """Return a browser at the console of a stack's folder."""
    return Browser(Console(console_config(root, **settings)).app())


def forms(page: str, button: str) -> list[tuple[str, dict[str, str]]]:
    """Return the forms of a page with this button: where each goes, and what it sends."""
    found = []
    for action, body in re.findall(r'<form method="post" action="([^"]+)">(.*?)</form>', page, re.DOTALL):
        if f">{button}</button>" in body:
            fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', body)
            found.append((action, {name: html.unescape(value) for name, value in fields}))
    return found
