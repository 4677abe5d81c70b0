"""Anonymous pull and authenticated push on one name, with docker, skopeo and crane (D1)."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Protocol

import pytest

from infra.paths import cache_folder
from ops.core.process import Completed, run
from tests.engine.images import tagged_image
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
        archive = self.folder / "image.tar"
        with tagged_image(f"{self.registry}/{image}") as reference:
            run(["docker", "save", "-o", archive, reference], timeout=LIMIT_S)
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
        archive = self.folder / "image.tar"
        with tagged_image(f"{self.registry}/{image}") as reference:
            run(["docker", "save", "-o", archive, reference], timeout=LIMIT_S)
        return self._run(["push", "--insecure", str(archive), f"{self.registry}/{image}"])

    def pull(self, image: str) -> Completed:
        return self._run(["pull", "--insecure", f"{self.registry}/{image}", str(self.folder / "pulled.tar")])

    def _run(self, arguments: list[str], stdin: str | None = None) -> Completed:
        return run([self.program, *arguments], stdin=stdin, timeout=LIMIT_S, env=self.environment, check=False)


@pytest.fixture(params=[Docker, Skopeo, Crane], ids=["docker", "skopeo", "crane"])
def client(request: pytest.FixtureRequest, outputs: dict[str, Any], tmp_path: Path) -> Client:
    """A client that has not signed in."""
    made: Client = request.param(outputs["registry"], tmp_path)
    return made


def test_the_operator_pushes_and_anybody_pulls(client: Client, outputs: dict[str, Any], request: pytest.FixtureRequest) -> None:
    image = f"life/{request.node.callspec.id}:1"
    login = client.login(outputs["registry_user"], outputs["registry_pass"])
    assert login.returncode == 0, login.stderr
    pushed = client.push(image)
    assert pushed.returncode == 0, pushed.stderr
    pulled = type(client)(outputs["registry"], _emptied(request)).pull(image)  # type: ignore[call-arg]
    assert pulled.returncode == 0, pulled.stderr


def test_an_anonymous_push_is_refused(client: Client, request: pytest.FixtureRequest) -> None:
    pushed = client.push(f"life/anonymous-{request.node.callspec.id}:1")
    assert pushed.returncode != 0
    assert "unauthorized" in pushed.stderr.lower() + pushed.stdout.lower() or "denied" in pushed.stderr.lower()


def test_a_wrong_password_is_refused(client: Client, outputs: dict[str, Any]) -> None:
    login = client.login(outputs["registry_user"], "wrong-password")
    pushed = client.push("life/wrong:1")
    assert login.returncode != 0 or pushed.returncode != 0
    assert pushed.returncode != 0


def test_an_account_pushes_only_where_it_may(client: Client, outputs: dict[str, Any], request: pytest.FixtureRequest) -> None:
    assert client.login("ci", outputs["accounts"]["ci"]).returncode == 0
    allowed = client.push(f"team/{request.node.callspec.id}:1")
    assert allowed.returncode == 0, allowed.stderr
    assert client.push(f"other/{request.node.callspec.id}:1").returncode != 0


def _emptied(request: pytest.FixtureRequest) -> Path:
    """Return a folder without credentials."""
    folder: Path = request.getfixturevalue("tmp_path") / "anonymous"
    folder.mkdir()
    return folder
