"""A real registry whose garbage is collected: its client, the images that are pushed, and the collection's surroundings."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import subprocess
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from ops.config import READ_ONLY_FILE, READ_ONLY_FOLDER
from ops.registry.cache import Cache, NoCache
from ops.registry.live import LiveRegistry
from ops.registry.manifests import image_problems
from ops.registry.read_only import ReadOnlyMode, WritesInFlight, writes_in_flight
from ops.registry.snapshots.store import SnapshotStore
from ops.registry.tree import RegistryTree
from ops.tasks.gc.collection import GarbageCollection
from ops.tasks.gc.model import Rules, SafetyLimits
from tests.free_ports import free_port
from tests.ops.gateway.gateway_rig import wait_until_up
from tests.real_programs import registry_binary

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
ALL = Rules(min_age_s=0)
NO_CACHE = NoCache()
NO_BACKUP = SafetyLimits(max_share=1, max_backup_age_s=None)


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    """Return the digest of content."""
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def image_manifest(described: Sequence[Mapping[str, Any]], kind: str = MANIFEST, **more: object) -> bytes:
    """Return the manifest of an image, from descriptors of its configuration and its layers."""
    document = {"schemaVersion": 2, "mediaType": kind, "config": described[0], "layers": described[1:], **more}
    return json.dumps(document).encode()


@dataclass(frozen=True)
class Image:
    """An image of a few small layers, the same for the same seed."""

    seed: str
    layers: int = 3

    @property
    def blobs(self) -> Sequence[bytes]:
        """Its configuration, and its layers."""
        return [random.Random(f"{self.seed} {number}").randbytes(200) for number in range(self.layers + 1)]  # noqa: S311

    @property
    def manifest(self) -> bytes:
        """Its manifest."""
        return image_manifest([{"mediaType": "application/x", "digest": digest_of(one), "size": len(one)} for one in self.blobs])

    @property
    def digest(self) -> str:
        """Its manifest's digest."""
        return digest_of(self.manifest)


@dataclass(frozen=True)
class Client:
    """A client of a registry, which works as Docker does: what the registry says it has is not sent."""

    url: str
    http: httpx.Client

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request."""
        return self.http.request(method, httpx.URL(self.url).join(path), **options)

    def push_blob(self, repository: str, content: bytes, algorithm: str = "sha256") -> httpx.Response:
        """Push a blob unless it is there; return the last answer."""
        digest = digest_of(content, algorithm)
        answer = self.ask("HEAD", f"/v2/{repository}/blobs/{digest}")
        if answer.status_code == 404:
            answer = self.ask("POST", f"/v2/{repository}/blobs/uploads/")
            if answer.status_code == 202:
                place = answer.headers["location"]
                separator = "&" if "?" in place else "?"
                answer = self.ask("PUT", f"{place}{separator}digest={digest}", content=content)
        return answer

    def push_manifest(self, repository: str, reference: str, content: bytes, kind: str = MANIFEST) -> httpx.Response:
        """Push a manifest."""
        return self.ask("PUT", f"/v2/{repository}/manifests/{reference}", content=content, headers={"Content-Type": kind})

    def push(self, repository: str, tag: str, image: Image) -> httpx.Response:
        """Push an image; return the answer of the first step that failed, or of the last."""
        for blob in image.blobs:
            answer = self.push_blob(repository, blob)
            if not answer.is_success:
                return answer
        return self.push_manifest(repository, tag, image.manifest)

    def mount(self, repository: str, origin: str, tag: str, image: Image) -> httpx.Response:
        """Push an image whose blobs another repository has."""
        for blob in image.blobs:
            answer = self.ask("POST", f"/v2/{repository}/blobs/uploads/?mount={digest_of(blob)}&from={origin}")
            if answer.status_code != 201:
                return self.push(repository, tag, image)
        return self.push_manifest(repository, tag, image.manifest)

    def delete(self, repository: str, reference: str) -> httpx.Response:
        """Delete a tag, or a manifest."""
        return self.ask("DELETE", f"/v2/{repository}/manifests/{reference}")

    def pull(self, repository: str, tag: str) -> list[str]:
        """Pull an image as a client does; return what is wrong."""
        answer = self.ask("GET", f"/v2/{repository}/manifests/{tag}", headers={"Accept": f"{MANIFEST}, {INDEX}"})
        if answer.status_code != 200:
            return [f"{repository}:{tag}: {answer.status_code}"]
        manifest = answer.json()
        problems = [] if digest_of(answer.content) == answer.headers["docker-content-digest"] else ["another manifest"]
        for child in manifest.get("manifests", []):
            problems += self.pull(repository, child["digest"])
        for one in [*([manifest["config"]] if "config" in manifest else []), *manifest.get("layers", [])]:
            try:
                blob = self.ask("GET", f"/v2/{repository}/blobs/{one['digest']}")
                if blob.status_code != 200 or digest_of(blob.content) != one["digest"]:
                    problems.append(f"{repository}:{tag}: {one['digest']}: {blob.status_code}")
            except httpx.RemoteProtocolError as error:
                problems.append(f"{repository}:{tag}: {one['digest']}: {error}")
        return problems


@dataclass(frozen=True)
class Rig:
    """A registry, and where everything about it lies."""

    folder: Path
    client: Client
    debug_url: str

    @property
    def tree(self) -> RegistryTree:
        """Its tree."""
        return RegistryTree(self.folder / "registry")

    @property
    def read_only_file(self) -> Path:
        """The file of its read-only mode, which has no effect here unless an edge looks at it."""
        return self.folder / READ_ONLY_FOLDER / READ_ONLY_FILE

    @property
    def store(self) -> SnapshotStore:
        """Its snapshots."""
        return SnapshotStore(self.folder / "snapshots", self.tree)

    def in_flight(self) -> WritesInFlight:
        """Return which writes are under way."""
        return writes_in_flight(self.client.http.get(f"{self.debug_url}/metrics").text)

    def live(
        self,
        *,
        cache: Cache = NO_CACHE,
        step: Callable[[str], None] = lambda _: None,
        asked_for: Callable[[], Collection[str]] = frozenset,
    ) -> LiveRegistry:
        """Return it as tasks meet it."""
        mode = ReadOnlyMode(self.read_only_file)
        return LiveRegistry(self.tree, self.store, mode, self.in_flight, cache, asked_for=asked_for, step=step)

    def collection(
        self,
        rules: Rules = ALL,
        limits: SafetyLimits = NO_BACKUP,
        *,
        cache: Cache = NO_CACHE,
        step: Callable[[str], None] = lambda _: None,
        asked_for: Callable[[], Collection[str]] = frozenset,
    ) -> GarbageCollection:
        """Return a collection of its garbage."""
        live = self.live(cache=cache, step=step, asked_for=asked_for)
        return GarbageCollection(live, rules=rules, limits=limits, sample=20)

    def broken(self) -> list[str]:
        """Return what is wrong with any tag, by the tree."""
        tags = [(name, tag) for name in self.tree.repository_names() for tag in self.tree.tag_names(name)]
        return [problem for name, tag in tags for problem in image_problems(self.tree, name, tag)]

    def blobs(self) -> set[str]:
        """Return the digests of all blobs."""
        return {f"sha256:{file.parent.name}" for file in self.tree.blobs.glob("sha256/*/*/data")}


@contextlib.contextmanager
def running(
    folder: Path, *, cache: str = "", settings: dict[str, Any] | None = None, certificate: Path | None = None
) -> Iterator[Rig]:
    """Run a registry that lets everybody do everything, and kill it at the end.

    Args:
        folder: Where its files lie.
        cache: Host and port of a Redis without a password; empty for no cache.
        settings: Further blocks of its configuration.
        certificate: A file with its certificate for localhost, and the key; None for no TLS.
    """
    port, debug_port = configure(folder, cache=cache, settings=settings, certificate=certificate)
    with httpx.Client(timeout=20, verify=certificate is None) as http, started(folder) as process:
        try:
            wait_until_up(f"http://127.0.0.1:{port}/", process)
            url = f"https://localhost:{port}" if certificate else f"http://127.0.0.1:{port}"
            yield Rig(folder, Client(url, http), f"http://127.0.0.1:{debug_port}")
        finally:
            process.kill()


def configure(
    folder: Path, *, cache: str = "", settings: dict[str, Any] | None = None, certificate: Path | None = None
) -> tuple[int, int]:
    """Write the configuration of a registry, and make its folders; return its port, and that of its metrics.

    The arguments are those of `running`.
    """
    port, debug_port = free_port(), free_port()
    storage: dict[str, Any] = {"filesystem": {"rootdirectory": str(folder / "registry")}, "delete": {"enabled": True}}
    configuration: dict[str, Any] = {
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": storage,
        "http": {
            "addr": f"127.0.0.1:{port}",
            "secret": "of the tests",
            "relativeurls": True,
            "debug": {"addr": f"127.0.0.1:{debug_port}", "prometheus": {"enabled": True}},
        },
        **(settings or {}),
    }
    if certificate:
        configuration["http"]["tls"] = {"certificate": str(certificate), "key": str(certificate)}
    if cache:
        storage["cache"] = {"blobdescriptor": "redis"}
        configuration["redis"] = {**configuration.get("redis", {}), "addrs": [cache]}
    (folder / "registry").mkdir()
    (folder / READ_ONLY_FOLDER).mkdir(exist_ok=True)
    (folder / "registry.yml").write_text(yaml.safe_dump(configuration))
    return port, debug_port


def started(folder: Path) -> subprocess.Popen[bytes]:
    """Start the registry that was configured in a folder; whoever does that kills it."""
    with (folder / "registry.log").open("ab") as log:
        return subprocess.Popen(
            [str(registry_binary()), "serve", str(folder / "registry.yml")],
            env={"PATH": os.environ["PATH"], "OTEL_TRACES_EXPORTER": "none"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
