"""Other registries to measure against: the registry alone, as the original system had it, zot and olareg.

zot is the nearest peer, and is measured where its program is: the proxies of Go modules do not have it to build it from.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx

from infra.paths import cache_folder
from ops.registry.tree import RegistryTree
from tests.engine.client import client
from tests.free_ports import free_port
from tests.ops.gateway.gateway_rig import wait_until_up
from tools.bench.throughput import Way
from tools.offline.images import ensure_images
from tools.offline.tools import ensure_olareg

_START_LIMIT_S, _END_LIMIT_S = 30.0, 600.0


@contextlib.contextmanager
def registry_alone(folder: Path) -> Iterator[Way]:
    """Run the registry in a container without anything around it: no edge, no tokens, no cache.

    Args:
        folder: Where its files lie.
    """
    config = {
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": "/data"}, "delete": {"enabled": True}},
        "http": {"addr": ":5000", "relativeurls": True},
    }
    folder.mkdir(parents=True)
    (folder / "config.yml").write_text(json.dumps(config))  # JSON is YAML
    with _container(folder, ["registry", "serve", "/files/config.yml"], []) as way:
        yield way


def zot_program() -> Path | None:
    """Return the program of zot that `ZOT` names, or that is on the path; None if there is none."""
    found = os.environ.get("ZOT") or shutil.which("zot")
    return Path(found).resolve() if found else None


@contextlib.contextmanager
def zot(folder: Path) -> Iterator[Way | None]:
    """Run zot in a container; None where its program is not.

    Args:
        folder: Where its files lie.
    """
    program = zot_program()
    if program is None:
        yield None
        return
    config = {
        "distSpecVersion": "1.1.1",
        "storage": {"rootDirectory": "/data"},
        "http": {"address": "0.0.0.0", "port": "5000"},  # noqa: S104  # in its container
        "log": {"level": "error"},
    }
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    with _container(folder, ["/zot", "serve", "/files/config.json"], [f"{program}:/zot:ro"]) as way:
        yield way


@contextlib.contextmanager
def olareg(folder: Path) -> Iterator[Way]:
    """Run olareg in a container.

    Args:
        folder: Where its files lie.
    """
    folder.mkdir(parents=True)
    program = ensure_olareg(cache_folder("offline"))
    with _container(folder, ["/olareg", "serve", "--dir", "/data"], [f"{program}:/olareg:ro"]) as way:
        yield way


@contextlib.contextmanager
def _container(folder: Path, command: Sequence[str], volumes: Sequence[str]) -> Iterator[Way]:
    """Run a registry in a container with a network of its own, like those of a stack; it listens on port 5000."""
    (folder / "data").mkdir()
    image = ensure_images(["registry"], client(), cache_folder("offline"))["registry"]
    name = f"bench-{os.getpid()}-{secrets.token_hex(3)}"
    with contextlib.ExitStack() as removed:
        network = client().networks.create(name, driver="bridge")
        removed.callback(network.remove)
        container = client().containers.create(
            image.reference,
            list(command[1:]),
            entrypoint=[command[0]],
            name=name,
            network=name,
            volumes=[f"{folder}:/files:ro", f"{folder / 'data'}:/data", *volumes],
        )
        removed.callback(container.remove, force=True, v=True)
        container.start()
        container.reload()
        way = Way(f"http://{container.attrs['NetworkSettings']['Networks'][name]['IPAddress']}:5000")
        _wait_until_up(way.url)
        yield way


def _wait_until_up(url: str) -> None:
    give_up = time.monotonic() + _START_LIMIT_S
    while True:
        with contextlib.suppress(httpx.TransportError):
            httpx.get(f"{url}/v2/")
            return
        if time.monotonic() > give_up:
            raise RuntimeError(f"{url} does not answer")
        time.sleep(0.1)


def as_layouts(tree: RegistryTree, folder: Path) -> None:
    """Lay out what a tree has as olareg has it: an OCI layout for each repository, with hard links to the blobs."""
    for name in tree.repository_names():
        of_tags = {tree.tagged(name, tag): tag for tag in tree.tag_names(name)}
        place = folder / name
        (place / "blobs/sha256").mkdir(parents=True)
        for area in ("_layers", "_manifests/revisions"):
            for one in (tree.repository(name) / area / "sha256").iterdir():
                os.link(tree.blob(f"sha256:{one.name}"), place / "blobs/sha256" / one.name)
        listed = []
        for one in (tree.repository(name) / "_manifests/revisions/sha256").iterdir():
            digest = f"sha256:{one.name}"
            content = tree.blob(digest).read_bytes()
            entry = {"mediaType": json.loads(content)["mediaType"], "digest": digest, "size": len(content)}
            tag = of_tags.get(digest)
            listed.append({**entry, "annotations": {"org.opencontainers.image.ref.name": tag}} if tag else entry)
        index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": listed}
        (place / "index.json").write_text(json.dumps(index))
        (place / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))


def collect_with_olareg(folder: Path, repositories: Sequence[str]) -> float:
    """Let olareg collect garbage, which it does when it ends, of all repositories that it has been asked for; return seconds."""
    port = free_port()
    # No grace, and nothing in between.
    options = ["--gc-untagged", "--gc-grace-period=-1s", "--gc-frequency=-1s"]
    command: list[str | Path] = [
        ensure_olareg(cache_folder("offline")),
        "serve",
        "--addr",
        "127.0.0.1",
        "--port",
        str(port),
        "--dir",
        folder,
    ]
    with subprocess.Popen([*command, *options], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until_up(f"http://127.0.0.1:{port}/v2/", process)
            for name in repositories:
                httpx.get(f"http://127.0.0.1:{port}/v2/{name}/tags/list").raise_for_status()
            began = time.perf_counter()
            process.terminate()
            if process.wait(_END_LIMIT_S):
                raise RuntimeError("olareg failed")
            return time.perf_counter() - began
        finally:
            process.kill()
