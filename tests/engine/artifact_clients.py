"""Real clients of a registry that are made for artifacts: regctl, oras and helm; and what they push."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import secrets
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.paths import cache_folder
from ops.core.process import Completed, run
from tests.engine.clients import LIMIT_S, Client
from tools.offline.helm import ensure_helm_client
from tools.offline.tools import ensure_oras, ensure_regctl

_TYPES = "application/vnd.oci.image"
_ARTIFACT = "application/vnd.example.statement"


class Regctl(Client):
    """regctl, with credentials of its own."""

    def __init__(self, registry: str, folder: Path) -> None:
        super().__init__(registry, folder)
        self.program = ensure_regctl(cache_folder("offline"))
        self.environment = {"REGCTL_CONFIG": str(folder / "regctl.json"), "PATH": "/usr/bin:/bin", "HOME": str(folder)}
        self._run("registry", "set", "--skip-check", "--tls", "disabled", registry)

    def version(self) -> str:
        return self._run("version", "--format", "{{.VCSTag}}").stdout

    def login(self, user: str, password: str) -> Completed:
        return self._run("registry", "login", self.registry, "--user", user, "--pass-stdin", stdin=password)

    def push(self, image: str, also: str = "") -> Completed:
        pushed = self._run("image", "copy", f"ocidir://{layout(self.folder)}:new", f"{self.registry}/{image}")
        if also and not pushed.returncode:
            pushed = self._run("image", "copy", f"{self.registry}/{image}", f"{self.registry}/{also}")
        return pushed

    def pull(self, image: str) -> Completed:
        return self._run("image", "copy", f"{self.registry}/{image}", f"ocidir://{self.folder / 'pulled'}:new")

    def delete(self, image: str) -> Completed | None:
        return self._run("tag", "delete", f"{self.registry}/{image}")

    def repositories(self) -> Completed | None:
        return self._run("repo", "ls", self.registry)

    def attach(self, image: str) -> Completed | None:
        attached = ["artifact", "put", "--artifact-type", _ARTIFACT, "--subject", f"{self.registry}/{image}"]
        return self._run(*attached, stdin="a statement")

    def attached(self, image: str) -> Completed | None:
        return self._run("artifact", "list", f"{self.registry}/{image}")

    def _run(self, *arguments: str, stdin: str | None = None) -> Completed:
        return run([self.program, *arguments], stdin=stdin, timeout=LIMIT_S, env=self.environment, check=False)


class Oras(Client):
    """oras, with credentials of its own."""

    def __init__(self, registry: str, folder: Path) -> None:
        super().__init__(registry, folder)
        self.program = ensure_oras(cache_folder("offline"))
        self.environment = {"DOCKER_CONFIG": str(folder), "PATH": "/usr/bin:/bin", "HOME": str(folder)}

    def version(self) -> str:
        return self._run("version").stdout

    def login(self, user: str, password: str) -> Completed:
        return self._run("login", "--plain-http", self.registry, "-u", user, "--password-stdin", stdin=password)

    def push(self, image: str, also: str = "") -> Completed:
        pushed = self._copy("--from-oci-layout", f"{layout(self.folder)}:new", image)
        if also and not pushed.returncode:
            pushed = self._copy("--from-plain-http", f"{self.registry}/{image}", also)
        return pushed

    def pull(self, image: str) -> Completed:
        target = f"{self.folder / 'pulled'}:new"
        return self._run("cp", "--from-plain-http", "--to-oci-layout", f"{self.registry}/{image}", target)

    def delete(self, image: str) -> Completed | None:
        return self._run("manifest", "delete", "--force", "--plain-http", f"{self.registry}/{image}")

    def repositories(self) -> Completed | None:
        return self._run("repo", "ls", "--plain-http", self.registry)

    def attach(self, image: str) -> Completed | None:
        (self.folder / "statement.txt").write_text(secrets.token_hex())
        attached = ["attach", "--plain-http", "--artifact-type", _ARTIFACT, f"{self.registry}/{image}"]
        return self._run(*attached, "statement.txt:text/plain")

    def attached(self, image: str) -> Completed | None:
        return self._run("discover", "--plain-http", f"{self.registry}/{image}")

    def _copy(self, how: str, source: str, image: str) -> Completed:
        return self._run("cp", how, "--to-plain-http", source, f"{self.registry}/{image}")

    def _run(self, *arguments: str, stdin: str | None = None) -> Completed:
        command: list[str | Path] = [self.program, *arguments]
        return run(command, stdin=stdin, timeout=LIMIT_S, env=self.environment, check=False, cwd=self.folder)


class Helm(Client):
    """helm's registry client, with credentials of its own. It knows charts, and nothing else."""

    charts_only = True

    def __init__(self, registry: str, folder: Path) -> None:
        super().__init__(registry, folder)
        self.program = ensure_helm_client(cache_folder("offline"))
        self.environment = {"HELM_REGISTRY_CONFIG": str(folder / "config.json"), "PATH": "/usr/bin:/bin", "HOME": str(folder)}

    def version(self) -> str:
        return self._run("version").stdout

    def login(self, user: str, password: str) -> Completed:
        return self._run("login", self.registry, user, stdin=password)

    def push(self, image: str, also: str = "") -> Completed:
        chart = _chart(self.folder, image)
        pushed = self._run("push", chart, f"{self.registry}/{image}")
        if also and not pushed.returncode:
            pushed = self._run("push", chart, f"{self.registry}/{also}")
        return pushed

    def pull(self, image: str) -> Completed:
        return self._run("pull", f"{self.registry}/{image}", str(self.folder / "pulled.tgz"))

    def _run(self, *arguments: str, stdin: str = "") -> Completed:
        return run([self.program, *arguments], stdin=stdin, timeout=LIMIT_S, env=self.environment, check=False)


def _chart(folder: Path, image: str) -> str:
    """Write a new chart as helm packs it; return its file. It has to be called as the last part of its repository."""
    name, _, version = image.rpartition("/")[2].partition(":")
    described = json.dumps({"apiVersion": "v2", "name": name, "version": version}).encode()
    file = folder / f"{name}.tgz"
    file.write_bytes(
        gzip.compress(_packed({f"{name}/Chart.yaml": described, f"{name}/file": secrets.token_bytes(2048)}), mtime=0)
    )
    return str(file)


def layout(folder: Path) -> Path:
    """Write a new image of two platforms as an OCI image layout, with the tag `new`; return its folder."""
    place = folder / f"layout-{secrets.token_hex(4)}"
    listed = []
    for architecture in ("amd64", "arm64"):
        content = _packed({"file": secrets.token_bytes(2048)})
        packed = _blob(place, f"{_TYPES}.layer.v1.tar+gzip", gzip.compress(content, mtime=0))
        files = {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(content).hexdigest()}"]}
        config = _document(place, f"{_TYPES}.config.v1+json", {"architecture": architecture, "os": "linux", "rootfs": files})
        kind = f"{_TYPES}.manifest.v1+json"
        manifest = _document(place, kind, {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": [packed]})
        listed.append({**manifest, "platform": {"architecture": architecture, "os": "linux"}})
    kind = f"{_TYPES}.index.v1+json"
    index = _document(place, kind, {"schemaVersion": 2, "mediaType": kind, "manifests": listed})
    named = {**index, "annotations": {"org.opencontainers.image.ref.name": "new"}}
    (place / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [named]}))
    (place / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return place


def _packed(files: Mapping[str, bytes]) -> bytes:
    """Return an archive of files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _document(place: Path, kind: str, document: Mapping[str, Any]) -> dict[str, Any]:
    return _blob(place, kind, json.dumps(document).encode())


def _blob(place: Path, kind: str, content: bytes) -> dict[str, Any]:
    """Write a blob; return its descriptor."""
    name = hashlib.sha256(content).hexdigest()
    file = place / "blobs" / "sha256" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return {"mediaType": kind, "digest": f"sha256:{name}", "size": len(content)}
