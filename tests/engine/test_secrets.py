"""Secrets stay secret: in the state, on the host, in containers and in logs."""

from __future__ import annotations

import contextlib
import json
import time
from base64 import b64encode
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.engine.stacks import TestStack


@pytest.fixture
def secrets(living: TestStack) -> dict[str, str]:
    """The stack's secret files on the host, without those that are not secret."""
    folder = living.root / "secrets"
    files = {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}
    return {name: text for name, text in files.items() if name not in {"registry_host", "registry_user", "gateway/jwks.json"}}


def values(secrets: dict[str, str]) -> set[str]:
    """The generated values themselves."""
    plain = {text for name, text in secrets.items() if "/" not in name or name.endswith(("-token", "-tokens"))}
    lines = secrets["registry/config.yml"].splitlines()
    keys = ("secret: ", "password: ")
    return plain | {line.split(key, 1)[1] for line in lines for key in keys if line.strip().startswith(key)}


def test_the_state_holds_no_secret_in_clear(living: TestStack, secrets: dict[str, str]) -> None:
    state = "".join(path.read_text() for path in (living.folder / "state" / "backend").rglob("*.json*"))
    assert "ciphertext" in state
    for value in values(secrets):
        assert value not in state


def test_secret_files_are_for_their_user_only(living: TestStack) -> None:
    folder = living.root / "secrets"
    for path in (folder, *folder.rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def test_the_release_holds_no_secret(living: TestStack, secrets: dict[str, str]) -> None:
    for path in (living.root / "parts").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [value for value in values(secrets) if value.encode() in content], path


def test_containers_show_no_secret(living: TestStack, secrets: dict[str, str]) -> None:
    for service, container in living.containers().items():
        shown = json.dumps(container.attrs) + container.logs().decode(errors="replace")
        assert not [value for value in values(secrets) if value in shown], service


def test_images_and_processes_show_no_secret(living: TestStack, secrets: dict[str, str]) -> None:
    """Of every process of this machine: those in containers are among them."""
    found = values(secrets)
    images = {container.image.id: container.image for container in living.containers().values()}
    assert images
    for image in images.values():
        shown = json.dumps(image.attrs) + json.dumps(image.history())
        assert not [value for value in found if value in shown], image.tags
    seen = 0
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended, or is not ours to look at
            shown = (process / "cmdline").read_text(errors="replace") + (process / "environ").read_text(errors="replace")
            assert not [value for value in found if value in shown], (process / "comm").read_text()
            seen += living.name in shown or str(living.root) in shown or "/etc/caddy/current" in shown
    assert seen, "the edge is among them"


def test_the_access_log_hides_credentials(living: TestStack, outputs: dict[str, Any]) -> None:
    url, user, password = outputs["registry_url"], outputs["registry_user"], outputs["registry_pass"]
    repository = f"logged/{token_hex(8)}"
    query = {"service": outputs["registry"], "scope": f"repository:{repository}:pull", "account": user}
    token = httpx.get(f"{url}/auth/token", params=query, auth=(user, password)).raise_for_status().json()["token"]
    used = httpx.get(f"{url}/v2/{repository}/tags/list", headers={"Authorization": f"Bearer {token}"})
    assert used.status_code == 404  # the token opens a repository that is empty
    log: Path = living.root / "logs" / "edge" / "access.log"
    give_up = time.monotonic() + 20
    while len(found := [line for line in log.read_text().splitlines() if repository.split("/")[1] in line]) < 2:
        assert time.monotonic() < give_up, found
        time.sleep(0.2)
    requests = [json.loads(line)["request"] for line in found]
    assert {urlsplit(request["uri"]).path for request in requests} == {"/auth/token", f"/v2/{repository}/tags/list"}
    assert all("Authorization" in request["headers"] for request in requests)
    pair = b64encode(f"{user}:{password}".encode()).decode()
    assert [secret for secret in (pair, password, token) if secret in log.read_text()] == []
