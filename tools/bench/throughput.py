"""Push and pull through the edge, side by side with the registry itself in the same run."""

from __future__ import annotations

import hashlib
import os
import secrets
import ssl
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from ops.core.process import run
from tests.engine.stacks import TestStack
from tools.bench.report import Row
from tools.bench.turns import alternated

BLOB_BYTES = 256 * 1024 * 1024
_PAIRS = 5
# Every blob that is pushed stays in the registry, and one more is the file that is pushed.
NEEDED_BYTES = BLOB_BYTES * (_PAIRS + 2 * (_PAIRS + 1) + 1 + 1) + 2**30
_LIMIT_S = 120
_REPOSITORY = "bench/blob"


@dataclass(frozen=True)
class Way:
    """One route to a registry.

    Attributes:
        url: Its address.
        outputs: Of the stack that gives tokens for it; None if nobody has to sign in.
        ca: The certificate that vouches for it; None without TLS.
        anonymous: The header to send where nobody has to sign in: an edge passes on no large body that comes without any.
    """

    url: str
    outputs: Mapping[str, Any] | None = None
    ca: str | None = None
    anonymous: str = ""

    def authorization(self, repository: str) -> str:
        """Return the header with which a repository can be pulled from and pushed to; empty if none is needed."""
        if self.outputs is None:
            return self.anonymous
        query = {"service": self.outputs["registry"], "scope": f"repository:{repository}:pull,push"}
        credentials = (self.outputs["registry_user"], self.outputs["registry_pass"])
        answer = httpx.get(f"{self.outputs['registry_url']}/auth/token", params=query, auth=credentials)
        return f"Bearer {answer.raise_for_status().json()['token']}"

    def client(self, repository: str) -> httpx.Client:
        """Return a client that may do the same."""
        token = self.authorization(repository)
        headers = {"Authorization": token} if token else {}
        return httpx.Client(headers=headers, verify=ssl.create_default_context(cafile=self.ca), timeout=_LIMIT_S)


def no_limits() -> dict[str, Any]:
    """Return the setting with which whatever is on the way may use the whole machine."""
    free = {"cpus": float(os.cpu_count() or 1), "memory_mib": 2048}
    return {service: dict(free) for service in ("registry", "edge", "cache", "gateway")}


def edge_of(stack: TestStack, outputs: Mapping[str, Any]) -> Way:
    """Return the way to a stack's registry through its edge, by its address: Docker's userland proxy would slow it down."""
    return Way(f"http://{stack.address('edge', 'edge')}:8080", outputs)


def compare(edge: Way, alone: Way, folder: Path) -> list[Row]:
    """Return the rows that compare an edge with a registry alone; no CPU limits should be in force.

    The registry alone sends from the page cache without a copy (sendfile). The edge copies twice, and shares the cores with
    client and registry: the fewer the cores, and the faster memory, the lower its share.
    """
    digests = {way.url: push(way, folder)[1] for way in (edge, alone)}
    return [
        _row("push through the edge / registry alone", *_pairs(lambda way: push(way, folder)[0], edge, alone), "≥ 0.9"),
        _row("pull through the edge / registry alone", *_pairs(lambda way: pull(way, digests[way.url]), edge, alone), "≥ 0.6"),
    ]


def over_tls(outputs: dict[str, Any], folder: Path) -> list[Row]:
    """Return the rows for TLS with the limits in force."""
    way = Way(outputs["registry_url_tls"], outputs, outputs["registry_ca"])
    pushes = [push(way, folder) for _ in range(_PAIRS)]
    pulls = [pull(way, pushes[0][1]) for _ in range(_PAIRS)]
    pushed = [speed for speed, _ in pushes]
    return [
        Row("push over TLS, limits in force", _spread(pushed), "", statistics.median(pushed), "MB/s"),
        Row("pull over TLS, limits in force", _spread(pulls), "≥ 118 MB/s", statistics.median(pulls), "MB/s"),
    ]


def push(way: Way, folder: Path, size: int = BLOB_BYTES) -> tuple[float, str]:
    """Upload a blob that the registry does not have, in one request; return MB/s and its digest."""
    blob = folder / "blob"
    content = secrets.token_bytes(1024 * 1024) * (size // 1024 // 1024)
    blob.write_bytes(content)
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    with way.client(_REPOSITORY) as client:
        started = client.post(f"{way.url}/v2/{_REPOSITORY}/blobs/uploads/").raise_for_status()
    target = httpx.URL(way.url).join(started.headers["Location"]).copy_merge_params({"digest": digest})
    return _curl(way, ["--upload-file", str(blob), "-w", "%{speed_upload}", str(target)]), digest


def pull(way: Way, digest: str) -> float:
    """Download a blob; return MB/s."""
    return _curl(way, ["-w", "%{speed_download}", f"{way.url}/v2/{_REPOSITORY}/blobs/{digest}"])


def _pairs(one: Callable[[Way], float], first: Way, second: Way) -> tuple[list[float], list[float]]:
    found = alternated({"first": lambda: one(first), "second": lambda: one(second)}, _PAIRS)
    return found["first"], found["second"]


def _row(what: str, edge: list[float], direct: list[float], wanted: str) -> Row:
    ratios = [ours / theirs for ours, theirs in zip(edge, direct, strict=True)]
    detail = f"{statistics.median(edge):.0f} / {statistics.median(direct):.0f} MB/s, ratios {_spread(ratios, 2)}"
    return Row(what, detail, wanted, statistics.median(ratios), "")


def _spread(values: list[float], digits: int = 0) -> str:
    return f"{min(values):.{digits}f} … {max(values):.{digits}f}"


def _curl(way: Way, arguments: list[str]) -> float:
    # The token goes in by standard input, like every secret.
    trust = ["--cacert", way.ca] if way.ca else []
    command = ["curl", "--silent", "--show-error", "--fail", "--output", "/dev/null", "--header", "@-", *trust, *arguments]
    return float(run(command, stdin=header_of(way, _REPOSITORY), timeout=_LIMIT_S).stdout) / 1e6


def header_of(way: Way, repository: str) -> str:
    """Return the lines of headers that curl reads."""
    token = way.authorization(repository)
    return f"Authorization: {token}\n" if token else ""
