"""A real registry that trusts a gateway of the tests."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from ops.credentials.keys import public_jwks
from tests.free_ports import free_port
from tests.ops.gateway.gateway_rig import ISSUER, SERVICE, SIGNING_KEY, WEBHOOK_TOKEN, basic, wait_until_up

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
EMPTY = "sha256:" + hashlib.sha256(b"{}").hexdigest()


@dataclass(frozen=True)
class Registry:
    """A registry that trusts the gateway of the test."""

    url: str
    gateway_url: str

    def request(self, method: str, path: str, token: str | None = None, **options: Any) -> httpx.Response:
        """Send one request to the registry, with a token if given."""
        headers = options.pop("headers", {}) | ({"Authorization": f"Bearer {token}"} if token else {})
        return httpx.request(method, self.url + path, headers=headers, **options)

    def token(self, scope: str, account: str | None = None) -> str:
        """Get a token from the gateway."""
        headers = basic(account) if account else {}
        parameters = {"service": SERVICE, "scope": scope}
        response = httpx.get(f"{self.gateway_url}/auth/token", params=parameters, headers=headers)
        token: str = response.raise_for_status().json()["token"]
        return token

    def push(self, repository: str, tag: str, token: str | None, *, of: str = "") -> httpx.Response:
        """Push the smallest image, one for each tag and `of`; return the answer of the first step that failed, or of the last."""
        started = self.request("POST", f"/v2/{repository}/blobs/uploads/", token)
        if started.status_code != 202:
            return started
        location = started.headers["location"]
        separator = "&" if "?" in location else "?"
        uploaded = self.request("PUT", f"{location}{separator}digest={EMPTY}".removeprefix(self.url), token, content=b"{}")
        if uploaded.status_code != 201:
            return uploaded
        blob = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": EMPTY, "size": 2}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": blob, "layers": [blob]}
        path = f"/v2/{repository}/manifests/{tag}"
        content = json.dumps(manifest | {"annotations": {"tag": tag} | ({"of": of} if of else {})})
        return self.request("PUT", path, token, content=content, headers={"Content-Type": MANIFEST_TYPE})

    def pull(self, repository: str, tag: str, token: str | None) -> httpx.Response:
        """Get a manifest."""
        return self.request("GET", f"/v2/{repository}/manifests/{tag}", token, headers={"Accept": MANIFEST_TYPE})


@contextlib.contextmanager
def running_registry(binary: Path, folder: Path, gateway_url: str, *, behind_edge: bool = True) -> Iterator[Registry]:
    """Run a registry below a folder, and kill it at the end.

    Args:
        binary: The program.
        folder: Where its files lie.
        gateway_url: The gateway that it trusts.
        behind_edge: Whether clients are to get tokens where they have reached it, as behind our edge; else from the gateway.
    """
    port = free_port()
    (folder / "jwks.json").write_text(public_jwks(SIGNING_KEY))
    (folder / "registry.yml").write_text(yaml.safe_dump(_configuration(folder, port, gateway_url, behind_edge)))
    environment = {"PATH": os.environ["PATH"], "OTEL_TRACES_EXPORTER": "none"}
    argv = [str(binary), "serve", str(folder / "registry.yml")]
    with (
        (folder / "registry.log").open("wb") as log,
        subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log) as process,
    ):
        try:
            wait_until_up(f"http://127.0.0.1:{port}/", process)
            yield Registry(f"http://127.0.0.1:{port}", gateway_url)
        finally:
            process.kill()


def _configuration(folder: Path, port: int, gateway_url: str, behind_edge: bool) -> dict[str, Any]:
    token = {
        "realm": f"{gateway_url}/auth/token",
        "autoredirect": behind_edge,
        "service": SERVICE,
        "issuer": ISSUER,
        "jwks": str(folder / "jwks.json"),
        "signingalgorithms": ["ES256"],
    }
    endpoint = {
        "name": "gateway",
        "url": f"{gateway_url}/events",
        "headers": {"Authorization": [f"Bearer {WEBHOOK_TOKEN}"]},
        "timeout": "2s",
        "threshold": 2,
        "backoff": "200ms",
        "ignore": {"mediatypes": ["application/octet-stream"], "actions": ["pull"]},
    }
    return {
        "version": "0.1",
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "registry")}, "delete": {"enabled": True}},
        "http": {"addr": f"127.0.0.1:{port}", "secret": "of the tests", "relativeurls": True},
        "auth": {"token": token},
        "notifications": {"endpoints": [endpoint]},
    }
