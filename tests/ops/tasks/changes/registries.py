"""Registries to look at: a tree filled by hand, a real registry over it, and a real network that breaks."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import socketserver
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from ops.registry.client import MANIFEST_TYPE, RegistryClient, digest_of
from ops.registry.transport import PooledEndpoint
from ops.registry.tree import RegistryTree
from tests.free_ports import free_port
from tests.ops.gateway.gateway_rig import wait_until_up
from tests.real_programs import registry_binary

_CONFIG = b"{}"


def put(tree: RegistryTree, repository: str, tag: str, content: str) -> str:
    """Put an image into the tree as the registry does, and return its digest; other content is another digest."""
    empty = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest_of(_CONFIG), "size": len(_CONFIG)}
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": empty, "layers": [empty]}
    raw = json.dumps(manifest | {"annotations": {"content": content}}).encode()
    digest = digest_of(raw)
    for blob in (_CONFIG, raw):
        _write(tree.blob(digest_of(blob)), blob)
    hexadecimal = digest.removeprefix("sha256:")
    for link in (
        tree.repository(repository) / "_manifests" / "revisions" / "sha256" / hexadecimal / "link",
        tree.tag_folder(repository, tag) / "index" / "sha256" / hexadecimal / "link",
        tree.tag(repository, tag),
    ):
        _write(link, digest.encode())
    return digest


def fill(tree: RegistryTree, repositories: int, tags: int) -> dict[str, dict[str, str]]:
    """Put many images into the tree, each another one, and return their digests."""
    return {
        name: {tag: put(tree, name, tag, f"{name}:{tag}") for tag in (f"{number}.0.0" for number in range(tags))}
        for name in (f"team-{number % 7}/app-{number:03}" for number in range(repositories))
    }


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@contextlib.contextmanager
def running_registry(folder: Path, **settings: Mapping[str, Any]) -> Iterator[str]:
    """Run a registry that asks nobody for a token over the tree in `folder`, and give its address; it is killed at the end."""
    port = free_port()
    configuration = {
        "version": "0.1",
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(folder)}, "delete": {"enabled": True}},
        "http": {"addr": f"127.0.0.1:{port}", "relativeurls": True},
        **settings,
    }
    file = folder.with_name(f"{folder.name}.yml")
    file.write_text(yaml.safe_dump(configuration))
    environment = {"PATH": os.environ["PATH"], "OTEL_TRACES_EXPORTER": "none"}
    with (
        file.with_suffix(".log").open("wb") as log,
        subprocess.Popen(
            [registry_binary(), "serve", file], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        ) as process,
    ):
        try:
            wait_until_up(f"http://127.0.0.1:{port}/", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


@contextlib.contextmanager
def client_of(url: str) -> Iterator[RegistryClient]:
    """Give a client without patience, whose connections are closed at the end."""
    with contextlib.closing(PooledEndpoint(url)) as endpoint:
        yield RegistryClient(endpoint)


class Network(socketserver.ThreadingTCPServer):
    """A network to a registry: connections are carried through until so many bytes have come back, then all of them are cut."""

    daemon_threads = False  # the end waits for them
    allow_reuse_address = True

    def __init__(self, url: str, carried: int) -> None:
        self._target = ("127.0.0.1", int(url.rpartition(":")[2]))
        self._left = carried
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), socketserver.BaseRequestHandler)

    @property
    def url(self) -> str:
        """Where the registry is reached through it."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def cut(self) -> bool:
        """Whether nothing is carried any more."""
        return self._left <= 0

    def finish_request(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        with contextlib.suppress(OSError), socket.create_connection(self._target) as registry:
            while not self.cut:
                ready, _, _ = select.select([request, registry], [], [], 0.05)
                if request in ready and not self._carry(request, registry, 0):
                    return
                if registry in ready and not self._carry(registry, request, 1):
                    return

    def _carry(self, source: socket.socket, target: socket.socket, counted: int) -> bool:
        data = source.recv(1 << 16)
        with self._lock:
            if counted:
                data = data[: max(self._left, 0)]
                self._left -= len(data)
        target.sendall(data)
        return bool(data)


@contextlib.contextmanager
def network(url: str, carried: int) -> Iterator[Network]:
    """Run a network that breaks after so many bytes."""
    with Network(url, carried) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server._left = 0
            server.shutdown()
            thread.join()
