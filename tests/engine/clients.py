"""Real clients of a registry, each with credentials of its own: docker, skopeo, crane, podman."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.paths import cache_folder
from ops.core.process import Completed, run
from tests.engine.images import tagged_image
from tools.offline.debian import apt_install
from tools.offline.tools import ensure_crane, ensure_skopeo

LIMIT_S = 60


class Client:
    """A client of a registry, without TLS. What it has no command for is None.

    Attributes:
        charts_only: Whether all that it pushes and pulls are charts.
    """

    charts_only = False

    def __init__(self, registry: str, folder: Path) -> None:
        """Know a registry.

        Args:
            registry: Its host and port.
            folder: Where credentials and images are kept.
        """
        self.registry, self.folder = registry, folder

    def version(self) -> str:
        """What it says of its version."""
        raise NotImplementedError

    def login(self, user: str, password: str) -> Completed:
        """Sign in."""
        raise NotImplementedError

    def push(self, image: str, also: str = "") -> Completed:
        """Push a new image, and then the same one to another repository if that is given."""
        raise NotImplementedError

    def pull(self, image: str) -> Completed:
        """Pull an image."""
        raise NotImplementedError

    def delete(self, image: str) -> Completed | None:
        """Delete a tag."""
        del image
        return None

    def repositories(self) -> Completed | None:
        """List the repositories."""
        return None

    def attach(self, image: str) -> Completed | None:
        """Attach an artifact to an image."""
        del image
        return None

    def attached(self, image: str) -> Completed | None:
        """List what is attached to an image."""
        del image
        return None


class Docker(Client):
    """The docker command, with credentials of its own, at the engine of the tests."""

    def __init__(self, registry: str, folder: Path) -> None:
        super().__init__(registry, folder)
        self.base = ["docker", "--config", str(folder)]

    def version(self) -> str:
        return self._run("version", "--format", "{{.Server.Version}}").stdout

    def login(self, user: str, password: str) -> Completed:
        return self._run("login", self.registry, "-u", user, "--password-stdin", stdin=password)

    def push(self, image: str, also: str = "") -> Completed:
        reference, other = f"{self.registry}/{image}", f"{self.registry}/{also}"
        with self._new_image(reference):
            pushed = self._run("push", reference)
            if also and not pushed.returncode:
                self._run("tag", reference, other)
                pushed = self._run("push", other)
                self._run("rmi", other)
            return pushed

    def pull(self, image: str) -> Completed:
        pulled = self._run("pull", f"{self.registry}/{image}")
        self._run("rmi", f"{self.registry}/{image}")
        return pulled

    @contextmanager
    def _new_image(self, reference: str) -> Iterator[None]:
        """Have an image of random content for a while."""
        with tagged_image(reference):
            yield

    def _run(self, *arguments: str, stdin: str | None = None) -> Completed:
        return run([*self.base, *arguments], stdin=stdin, timeout=LIMIT_S, check=False)


class Skopeo(Client):
    """skopeo, from and to an archive of the docker command."""

    def __init__(self, registry: str, folder: Path) -> None:
        super().__init__(registry, folder)
        program = ensure_skopeo()
        assert program is not None, "skopeo is neither here nor could it be installed"
        self.program = program
        self.credentials = ["--authfile", str(folder / "auth.json")]

    def version(self) -> str:
        return self._run("--version").stdout

    def login(self, user: str, password: str) -> Completed:
        login = ["login", "--tls-verify=false", *self.credentials, "-u", user, "--password-stdin", self.registry]
        return self._run(*login, stdin=password)

    def push(self, image: str, also: str = "") -> Completed:
        pushed = self._copy_to(f"docker-archive:{saved_image(f'{self.registry}/{image}', self.folder)}", image)
        if also and not pushed.returncode:
            pushed = self._copy_to(f"docker://{self.registry}/{image}", also)
        return pushed

    def pull(self, image: str) -> Completed:
        shutil.rmtree(self.folder / "pulled", ignore_errors=True)
        source = f"docker://{self.registry}/{image}"
        return self._run("copy", "--src-tls-verify=false", *self.credentials, source, f"dir:{self.folder / 'pulled'}")

    def delete(self, image: str) -> Completed | None:
        return self._run("delete", "--tls-verify=false", *self.credentials, f"docker://{self.registry}/{image}")

    def _copy_to(self, source: str, image: str) -> Completed:
        options = ["--src-tls-verify=false", "--dest-tls-verify=false", *self.credentials]
        return self._run("copy", *options, source, f"docker://{self.registry}/{image}")

    def _run(self, *arguments: str, stdin: str | None = None) -> Completed:
        return run([self.program, *arguments], stdin=stdin, timeout=LIMIT_S, check=False)


class Crane(Client):
    """crane, with credentials of its own."""

    def __init__(self, registry: str, folder: Path) -> None:
        super().__init__(registry, folder)
        self.program = ensure_crane(cache_folder("offline"))
        self.environment = {"DOCKER_CONFIG": str(folder), "PATH": "/usr/bin:/bin", "HOME": str(folder)}

    def version(self) -> str:
        return self._run("version").stdout

    def login(self, user: str, password: str) -> Completed:
        return self._run("auth", "login", self.registry, "-u", user, "--password-stdin", stdin=password)

    def push(self, image: str, also: str = "") -> Completed:
        archive = saved_image(f"{self.registry}/{image}", self.folder)
        pushed = self._run("push", "--insecure", str(archive), f"{self.registry}/{image}")
        if also and not pushed.returncode:
            pushed = self._run("copy", "--insecure", f"{self.registry}/{image}", f"{self.registry}/{also}")
        return pushed

    def pull(self, image: str) -> Completed:
        return self._run("pull", "--insecure", f"{self.registry}/{image}", str(self.folder / "pulled.tar"))

    def delete(self, image: str) -> Completed | None:
        return self._run("delete", "--insecure", f"{self.registry}/{image}")

    def repositories(self) -> Completed | None:
        return self._run("catalog", "--insecure", self.registry)

    def _run(self, *arguments: str, stdin: str | None = None) -> Completed:
        return run([self.program, *arguments], stdin=stdin, timeout=LIMIT_S, env=self.environment, check=False)


class Podman(Client):
    """podman, with credentials and a store of its own."""

    def __init__(self, registry: str, folder: Path) -> None:
        super().__init__(registry, folder)
        program = apt_install("podman", "podman", purpose="testing with podman")
        run_root = tempfile.mkdtemp(prefix="podman-")  # it takes no longer path than 50 characters
        weakref.finalize(self, shutil.rmtree, run_root, ignore_errors=True)
        store = ["--root", str(folder / "root"), "--runroot", run_root, "--storage-driver", "vfs"]
        self.base = [str(program), *store]
        credentials = folder / "auth.json"
        credentials.write_text("{}")  # it refuses a file that is not there
        self.options = ["--tls-verify=false", "--authfile", str(credentials)]

    def version(self) -> str:
        return self._run("--version").stdout

    def login(self, user: str, password: str) -> Completed:
        return self._run("login", *self.options, "-u", user, "--password-stdin", self.registry, stdin=password)

    def push(self, image: str, also: str = "") -> Completed:
        reference, other = f"{self.registry}/{image}", f"{self.registry}/{also}"
        run([*self.base, "load", "--quiet", "--input", saved_image(reference, self.folder)], timeout=LIMIT_S)
        pushed = self._run("push", *self.options, reference)
        if also and not pushed.returncode:
            pushed = self._run("push", *self.options, reference, other)
        run([*self.base, "rmi", reference], timeout=LIMIT_S)
        return pushed

    def pull(self, image: str) -> Completed:
        return self._run("pull", *self.options, f"{self.registry}/{image}")

    def _run(self, *arguments: str, stdin: str | None = None) -> Completed:
        return run([*self.base, *arguments], stdin=stdin, timeout=LIMIT_S, check=False)


ALL_CLIENTS: dict[str, Callable[[str, Path], Client]] = {"docker": Docker, "skopeo": Skopeo, "crane": Crane, "podman": Podman}


def saved_image(reference: str, folder: Path) -> Path:
    """Save a new image of random content, as `docker save` does; return the archive."""
    archive = folder / "image.tar"
    with tagged_image(reference):
        run(["docker", "save", "-o", archive, reference], timeout=LIMIT_S)
    return archive
