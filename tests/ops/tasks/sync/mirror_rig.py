"""A mirror as on a server: the registry behind its edge, regsync in its container, and upstream registries behind fronts."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import httpx
import yaml

from infra.blocks.upstreams import secret_names
from infra.paths import cache_folder
from ops.catalogue.shipped import working_copy
from ops.config import REGOPS_FILE, RUNS_FOLDER, RUNS_MOUNT, MirrorSettings, container_name, render
from ops.core.files import write_atomic
from ops.core.process import Completed
from ops.registry.client import ANY_MANIFEST
from ops.stack.stack import Stack
from tests.ops import command_line
from tests.ops.tasks.gc.gc_rig import INDEX, Client, Image, digest_of
from tests.stack_components.sync.sync_rig import Rig, running_rig
from tests.upstreams import Front
from tools.bootstrap.docker_engine import ensure_docker
from tools.offline.images import ensure_images

HERE = "registry.example.com"
_LIMIT_S = 120


@dataclass
class MirrorRig:
    """A mirror.

    Attributes:
        rig: The registries and what is before them.
        stack: The mirror's stack.
        source: A client of the registry that all fronts stand before.
        fronts: The fronts, by the names that the test gave them.
    """

    rig: Rig
    stack: Stack
    source: Client
    fronts: Mapping[str, Front] = field(default_factory=dict)

    def push(self, repository: str, tag: str, seed: str = "", *, platforms: int = 0) -> str:
        """Push an image to the upstream registry, or an index of several; return its digest."""
        seed = seed or f"{repository}:{tag}"
        if not platforms:
            image = Image(seed)
            assert self.source.push(repository, tag, image).status_code == 201
            return image.digest
        children = []
        for number in range(platforms):
            child = Image(f"{seed} {number}")
            assert self.source.push(repository, child.digest, child).status_code == 201
            platform = {"os": "linux", "architecture": f"cpu{number}"}
            manifest = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": child.digest}
            children.append({**manifest, "size": len(child.manifest), "platform": platform})
        content = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": children}).encode()
        assert self.source.push_manifest(repository, tag, content, INDEX).status_code == 201
        return digest_of(content)

    def catalogue(self, *entries: Mapping[str, Any], **rest: Any) -> None:
        """Write the host's catalogue."""
        write_atomic(
            working_copy(self.stack.root), yaml.safe_dump({"version": 1, **rest, "sync": list(entries)}, sort_keys=False)
        )

    def entry(self, front: str, repository: str, *tags: str, to: str = "", policies: Any = None, **more: Any) -> dict[str, Any]:
        """Return an entry for a repository of a front; its target is `<front>/<repository>` unless another is given."""
        source, target = f"{self.fronts[front].address}/{repository}", f"{HERE}/{to or f'{front}/{repository}'}"
        filters = {"tags": {"allow": list(tags)}} if tags else {}
        ours = {"x-regops": policies} if policies else {}
        return {"source": source, "target": target, "type": "repository", **filters, **more, **ours}

    def regops(self, *words: str) -> Completed:
        """Run `regops`."""
        return command_line.regops(self.stack.root, *words, limit_s=_LIMIT_S)

    def sync(self, *words: str) -> dict[str, dict[str, Any]]:
        """Run `regops sync`; return what it reports of each entry, by its repository here."""
        done = self.regops("sync", *words, "--json")
        assert done.returncode in {0, 3}, done.stderr
        return {one["repository"]: one for one in json.loads(done.stdout)["report"]["entries"]}

    def plan(self, *words: str) -> dict[str, dict[str, Any]]:
        """Run `regops sync plan`; return what it says of each entry, by its repository here."""
        done = self.regops("sync", "plan", *words, "--json")
        assert done.returncode in {0, 3}, done.stderr
        return {one["repository"]: one for one in json.loads(done.stdout)["plan"]["entries"]}

    def tags(self, repository: str) -> list[str]:
        """Return the tags of a repository here."""
        return self.rig.tags(repository)

    def digest(self, repository: str, tag: str) -> str:
        """Return what a tag is here."""
        token = self.rig.target.token(f"repository:{repository}:pull", "admin")
        head = self.rig.target.request("HEAD", f"/v2/{repository}/manifests/{tag}", token, headers={"Accept": ANY_MANIFEST})
        return str(head.headers["docker-content-digest"])

    def configure(self, **changes: Any) -> None:
        """Change settings of the mirror."""
        assert self.stack.config.sync is not None
        sync = self.stack.config.sync.model_copy(update=changes)
        write_atomic(self.stack.root / "current" / REGOPS_FILE, render(self.stack.config.model_copy(update={"sync": sync})))


@contextlib.contextmanager
def running_mirror(
    folder: Path,
    fronts: Sequence[str],
    *,
    logins: Mapping[str, tuple[str, str]] | None = None,
    authorities: Mapping[str, str] | None = None,
) -> Iterator[MirrorRig]:
    """Run a mirror below a folder, and end all of it at the end.

    Args:
        folder: Where its files lie.
        fronts: The names of the fronts.
        logins: User and token by registry.
        authorities: Certificates that vouch for a registry, by registry.
    """
    names = {registry: secret_names(registry) for registry in logins or {}}
    files = {name: text for one, pair in (logins or {}).items() for name, text in zip(names[one], pair, strict=True)}
    with contextlib.ExitStack() as stack:
        rig = stack.enter_context(running_rig(folder, into=["**"]))
        name = f"test-mirror-{os.getpid()}-{secrets.token_hex(3)}"
        rig.configure(
            stack=name,
            sync=MirrorSettings(into=("**",), reserve_gb=0, target=rig.inner, registries=(HERE,)),
            upstream_logins=names,
            upstream_ca=authorities or {},
        )
        for account in ("regsync", "retention"):
            write_atomic(folder / f"secrets/{account}/password", f"password-of-{account}\n")
        for file, text in files.items():
            write_atomic(folder / "secrets" / file, f"{text}\n")
        stack.enter_context(_regsync(folder, container_name(name, "regsync"), list(files)))
        http = stack.enter_context(httpx.Client(timeout=60))
        running = {front: stack.enter_context(Front(rig.source.url).running()) for front in fronts}
        yield MirrorRig(rig, Stack(folder), Client(rig.source.url, http), running)


@contextlib.contextmanager
def _regsync(folder: Path, name: str, files: Sequence[str]) -> Iterator[None]:
    """Run regsync's container as the component declares it, but in this host's network, where the test's registries are."""
    runs = folder / RUNS_FOLDER
    runs.mkdir(parents=True)
    write_atomic(folder / "idle/regsync.yml", "version: 1\nsync: []\n")
    for path in (runs, folder / "idle", folder / "regsync"):
        path.chmod(0o755)
    with contextlib.closing(docker.DockerClient(base_url=ensure_docker())) as engine:
        image = ensure_images(["regsync"], engine, cache_folder("offline"))["regsync"]
        container = engine.containers.create(
            image.reference,
            ["server", "--config", "/etc/regsync/idle/regsync.yml", "--logopt", "json"],
            name=name,
            network_mode="host",
            user="10001:10001",
            read_only=True,
            cap_drop=["ALL"],
            environment={"PATH": "/usr/local/bin:/"},
            volumes=[
                f"{runs}:{RUNS_MOUNT}:ro",
                f"{folder / 'idle'}:/etc/regsync/idle:ro",
                f"{folder / 'regsync' / 'password'}:/run/secrets/password:ro",
                *(f"{folder / 'secrets' / file}:/run/secrets/{file}:ro" for file in files),
            ],
        )
        try:
            container.start()
            yield
        finally:
            container.remove(force=True, v=True)
