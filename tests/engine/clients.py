"""Real clients of a registry, each with credentials of its own: docker, skopeo, crane, podman."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from infra.paths import cache_folder
from ops.core.process import Completed, run
from tests.engine.images import tagged_image
from tools.offline.debian import apt_install
from tools.offline.tools import ensure_crane, ensure_skopeo

LIMIT_S = 60


class Client(Protocol):
    """What every client can do with the registry."""

    def login(self, user: str, password: str) -> Completed: ...

    def push(self, image: str) -> Completed: ...

    def pull(self, image: str) -> Completed: ...


class Docker:
    """The docker command, with credentials of its own."""

    def __init__(self, registry: str, folder: Path) -> None:
        self.registry, self.base = registry, ["docker", "--config", str(folder)]

    def login(self, user: str, password: str) -> Completed:
        return run(
            [*self.base, "login", self.registry, "-u", user, "--password-stdin"], stdin=password, timeout=LIMIT_S, check=False
        )

    def push(self, image: str) -> Completed:
        with tagged_image(f"{self.registry}/{image}"):
            return run([*self.base, "push", f"{self.registry}/{image}"], timeout=LIMIT_S, check=False)

    def pull(self, image: str) -> Completed:
        pulled = run([*self.base, "pull", f"{self.registry}/{image}"], timeout=LIMIT_S, check=False)
        run([*self.base, "rmi", f"{self.registry}/{image}"], timeout=LIMIT_S, check=False)
        return pulled


class Skopeo:
    """skopeo, from and to an archive of the docker command."""

    def __init__(self, registry: str, folder: Path) -> None:
        program = ensure_skopeo()
        assert program is not None, "skopeo is neither here nor could it be installed"
        self.registry, self.folder, self.program = registry, folder, program
        self.credentials = ["--authfile", str(folder / "auth.json")]

    def login(self, user: str, password: str) -> Completed:
        login = ["login", "--tls-verify=false", *self.credentials, "-u", user, "--password-stdin", self.registry]
        return run([self.program, *login], stdin=password, timeout=LIMIT_S, check=False)

    def push(self, image: str) -> Completed:
        archive = _archive(f"{self.registry}/{image}", self.folder)
        target = f"docker://{self.registry}/{image}"
        copy = ["copy", "--dest-tls-verify=false", *self.credentials, f"docker-archive:{archive}", target]
        return run([self.program, *copy], timeout=LIMIT_S, check=False)

    def pull(self, image: str) -> Completed:
        shutil.rmtree(self.folder / "pulled", ignore_errors=True)
        source = f"docker://{self.registry}/{image}"
        copy = ["copy", "--src-tls-verify=false", *self.credentials, source, f"dir:{self.folder / 'pulled'}"]
        return run([self.program, *copy], timeout=LIMIT_S, check=False)


class Crane:
    """crane, with credentials of its own."""

    def __init__(self, registry: str, folder: Path) -> None:
        self.registry, self.folder, self.program = registry, folder, ensure_crane(cache_folder("offline"))
        self.environment = {"DOCKER_CONFIG": str(folder), "PATH": "/usr/bin:/bin", "HOME": str(folder)}

    def login(self, user: str, password: str) -> Completed:
        return self._run(["auth", "login", self.registry, "-u", user, "--password-stdin"], stdin=password)

    def push(self, image: str) -> Completed:
        archive = _archive(f"{self.registry}/{image}", self.folder)
        return self._run(["push", "--insecure", str(archive), f"{self.registry}/{image}"])

    def pull(self, image: str) -> Completed:
        return self._run(["pull", "--insecure", f"{self.registry}/{image}", str(self.folder / "pulled.tar")])

    def _run(self, arguments: list[str], stdin: str | None = None) -> Completed:
        return run([self.program, *arguments], stdin=stdin, timeout=LIMIT_S, env=self.environment, check=False)


class Podman:
    """podman, with credentials and a store of its own."""

    def __init__(self, registry: str, folder: Path) -> None:
        program = apt_install("podman", "podman", purpose="testing with podman")
        self.registry, self.folder = registry, folder
        run_root = tempfile.mkdtemp(prefix="podman-")  # it takes no longer path than 50 characters
        weakref.finalize(self, shutil.rmtree, run_root, ignore_errors=True)
        store = ["--root", str(folder / "root"), "--runroot", run_root, "--storage-driver", "vfs"]
        self.base = [str(program), *store]
        credentials = folder / "auth.json"
        credentials.write_text("{}")  # it refuses a file that is not there
        self.options = ["--tls-verify=false", "--authfile", str(credentials)]

    def login(self, user: str, password: str) -> Completed:
        login = [*self.base, "login", *self.options, "-u", user, "--password-stdin", self.registry]
        return run(login, stdin=password, timeout=LIMIT_S, check=False)

    def push(self, image: str) -> Completed:
        reference = f"{self.registry}/{image}"
        run([*self.base, "load", "--quiet", "--input", _archive(reference, self.folder)], timeout=LIMIT_S)
        pushed = run([*self.base, "push", *self.options, reference], timeout=LIMIT_S, check=False)
        run([*self.base, "rmi", reference], timeout=LIMIT_S)
        return pushed

    def pull(self, image: str) -> Completed:
        return run([*self.base, "pull", *self.options, f"{self.registry}/{image}"], timeout=LIMIT_S, check=False)


ALL_CLIENTS: dict[str, Callable[[str, Path], Client]] = {"docker": Docker, "skopeo": Skopeo, "crane": Crane, "podman": Podman}


def _archive(reference: str, folder: Path) -> Path:
    """Save a new image of random content; return the archive."""
    archive = folder / "image.tar"
    with tagged_image(reference):
        run(["docker", "save", "-o", archive, reference], timeout=LIMIT_S)
    return archive
