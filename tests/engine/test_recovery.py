"""A production stack whose server is destroyed with its disk comes back: with its state, and with its kit alone."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.paths import PROJECT_FOLDER
from infra.server.files import ROOT
from tests.engine.servers import Server, production
from tools.emulation.client import Client
from tools.emulation.disaster import Clone, destroy_laptop, destroy_server
from tools.emulation.stack import EmulatedStack

ADDRESS = "127.0.0.60"
IMAGES = [f"team/app:{number}" for number in range(3)]
LIMIT_S = 120
PASSPHRASE = "what the operator remembers"
FORGET = ["refresh", "--yes", "--stack", "prod", "--target", "**::server"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recovery")


@pytest.fixture(scope="module")
def kit(folder: Path) -> Path:
    return folder / "usb" / "kit.age"


@pytest.fixture(scope="module")
def stack(folder: Path, kit: Path) -> Iterator[EmulatedStack]:
    settings = {"recovery_kit": str(kit), "recovery_kit_passphrase": PASSPHRASE, "monitoring": {"enabled": False}}
    with production(folder, ADDRESS, **settings) as stack:
        stack.stack.up()
        yield stack


@pytest.fixture(scope="module")
def client(stack: EmulatedStack, folder: Path) -> Client:
    """Somebody who has logged in once, and trusts the certificate of that day."""
    return Client.of_operator(stack.stack.outputs(), folder)


@pytest.fixture(scope="module")
def pushed(stack: EmulatedStack, client: Client) -> dict[str, str]:
    """The digests of images that are in the last backup."""
    digests = {image: client.push(image) for image in IMAGES}
    Server(stack).run("systemctl start regops-backup || { journalctl --unit regops-backup; false; }")
    return digests


def check(stack: EmulatedStack, client: Client, pushed: dict[str, str]) -> None:
    """Everything is as it was: digests, certificate, accounts, what tasks know; and the figures are there."""
    for image, digest in pushed.items():
        client.pull(image)
        assert client.digest(image) == digest
    client.push("team/app:new")
    client.delete("team/app:new")
    server = Server(stack)
    recovery = json.loads(server.run("regops recover --check --json"))["recovery"]
    assert recovery["problems"] == []
    # Everything could be pulled before everything was on the disk.
    assert recovery["began"] < recovery["pointers"] < recovery["served"] < recovery["restored"]
    assert "data" not in server.run(f"find {ROOT}/data/registry -type l")
    assert f"{ROOT}/data/registry/" not in server.run("cat /proc/mounts")
    assert "backup" in {run["task"] for run in json.loads(server.run("regops history --json"))["runs"]}
    server.run("systemctl start regops-backup || { journalctl --unit regops-backup; false; }")


def test_with_its_state(stack: EmulatedStack, client: Client, pushed: dict[str, str]) -> None:
    destroy_server(stack)
    stack.configure(recover="latest")
    told = stack.stack.up(check=False)
    assert "if it is gone for good" in told.stdout + told.stderr
    stack.stack.pulumi(FORGET)
    told = stack.stack.up()
    assert "what was pushed after" in told.stdout
    check(stack, client, pushed)
    stack.stack.up("--expect-no-changes")


def test_a_server_that_restarts_goes_on_by_itself(stack: EmulatedStack, client: Client, pushed: dict[str, str]) -> None:
    server, digest = Server(stack), pushed[IMAGES[0]].partition(":")[2]
    backup = json.loads(server.run("regops recover --check --json"))["recovery"]["backup"]
    blob = f"{ROOT}/data/registry/docker/registry/v2/blobs/sha256/{digest[:2]}/{digest}/data"
    # As a run that was cut short leaves it.
    server.run(f'sed -i \'s/"restored": [0-9.]*/"restored": 0.0/\' {ROOT}/data/regops/recovery.json')
    server.run(f"ln -sfr {ROOT}/data/registry/.backup/ids/{backup[:8]}/pool/{digest[:2]}/sha256:{digest} {blob}")
    server.run("systemctl start regops-recover")
    server.run(f"timeout {LIMIT_S} sh -c 'while systemctl is-active --quiet regops-recover; do sleep 1; done'")
    assert "data" not in server.run(f"find {ROOT}/data/registry -type l")
    client.pull(IMAGES[0])


def test_with_its_kit_alone(stack: EmulatedStack, client: Client, pushed: dict[str, str], folder: Path, kit: Path) -> None:
    destroy_server(stack)
    destroy_laptop(stack)
    clone = Clone.with_kit(folder / "clone", kit, PASSPHRASE, stack)
    assert clone.run("bin/regops kit verify --offline kit.age").stdout.startswith("ok")
    told = clone.follow(clone.page()).stdout
    assert "what was pushed after" in told
    check(stack, client, pushed)
    assert "HCLOUD" not in (clone.folder / "Pulumi.prod.yaml").read_text()
    clone.follow([*clone.page()[1:2], "pulumi up --stack prod --expect-no-changes"])


def test_the_page_of_the_docs_is_that_of_the_kit(stack: EmulatedStack, kit: Path) -> None:
    clone = Clone(PROJECT_FOLDER, PASSPHRASE, stack)
    page = clone.run(f"bin/regops kit show {shlex.quote(str(kit))} README.md").stdout
    commands = page.split("```")[1].strip()
    assert commands in (PROJECT_FOLDER / "docs" / "recovery.md").read_text()
