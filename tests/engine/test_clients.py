"""Anonymous pull and authenticated push on one name, with docker, skopeo, crane and podman (D1)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.engine.clients import ALL_CLIENTS, Client
from tools.offline.debian import PackageError


@pytest.fixture(params=list(ALL_CLIENTS.values()), ids=list(ALL_CLIENTS))
def client(request: pytest.FixtureRequest, outputs: dict[str, Any], tmp_path: Path) -> Client:
    """A client that has not signed in."""
    try:
        made: Client = request.param(outputs["registry"], tmp_path)
    except PackageError as error:
        pytest.skip(str(error))
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
