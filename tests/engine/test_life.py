"""A stack's whole life on the real engine: up, unchanged, changed, drifted, destroyed."""

from __future__ import annotations

import contextlib
import json
import shutil
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from infra.local import service_user
from infra.settings import parse
from ops.config import RIGHTS_REFUSED, RIGHTS_TAKEN_IN
from ops.host.reload import main as reload
from tests.engine.client import client
from tests.engine.interruptions import watched
from tests.engine.stacks import TestStack, new_stack, signs_in
from tools.bootstrap.session import Session

SERVICES = {"cache", "edge", "gateway", "registry"}
LIMITS = {
    "registry": (1.5, 2048),
    "cache": (0.25, 256),
    "edge": (0.5, 256),
    "gateway": (0.25, 128),
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestStack]:
    """The stack that the tests of this file take through its life, in order."""
    with new_stack(tmp_path_factory.mktemp("life")) as stack:
        yield stack


def changes(session: Session, *arguments: str) -> str:
    """Run `up` and return the engine's last lines, which count what it did."""
    text = session.stack.up(*arguments).stdout
    return text[text.index("Resources:") :]


def ids(stack: TestStack) -> dict[str, str]:
    return {service: container.id for service, container in stack.containers().items()}


def replaced(before: dict[str, str], stack: TestStack) -> set[str]:
    return {service for service, one in ids(stack).items() if before.get(service) != one}


@contextlib.contextmanager
def unnoticed(stack: TestStack, *wanted: str, dropped: int = 0) -> Iterator[None]:
    """What is done inside replaces these services and no others, and refuses no pull and no push but the dropped ones."""
    before = ids(stack)
    with watched(stack.outputs) as watch:
        yield
    assert replaced(before, stack) == set(wanted)
    assert all(len(errors) <= dropped for errors in watch.met().values()), watch.met()


def test_up_starts_every_service_healthy(stack: TestStack) -> None:
    stack.outputs = stack.open().up(stream=False)
    containers = stack.containers()
    assert set(containers) == SERVICES
    assert {container.attrs["State"]["Health"]["Status"] for container in containers.values()} == {"healthy"}


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_docker_enforces_every_promise(stack: TestStack, service: str) -> None:
    inspected: dict[str, Any] = stack.containers()[service].attrs
    host = inspected["HostConfig"]
    cpus, memory = LIMITS[service]
    assert host["NanoCpus"] == cpus * 10**9
    assert host["Memory"] == memory * 2**20
    assert host["MemorySwap"] == host["Memory"]
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert host["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "3"}
    assert inspected["Config"]["User"].split(":")[0] != "0"
    assert bool(host["PortBindings"]) == (service == "edge")


def test_a_second_up_changes_nothing(stack: TestStack) -> None:
    before = ids(stack)
    counted = changes(stack.open())
    assert "unchanged" in counted
    assert not {"created", "updated", "replaced", "deleted"} & set(counted.split())
    assert ids(stack) == before


def test_refresh_finds_no_drift(stack: TestStack) -> None:
    counted = changes(stack.open(), "--refresh")
    assert not {"created", "updated", "replaced", "deleted"} & set(counted.split()), counted


# When Caddy takes in other routes, or another front page, it drops connections that it has not accepted yet, if there are any.
DROPPED = 2


def changed(stack: TestStack, **setting: Any) -> dict[str, Any]:
    """The registry's settings with others than it has now, also when the test is run again."""
    return {"registry": {**stack.settings["registry"], **setting}}


def test_a_changed_configuration_replaces_only_its_container(stack: TestStack) -> None:
    now = yaml.safe_load((stack.root / "secrets/registry/config.yml").read_text())["log"]["level"]
    with unnoticed(stack, "registry"):
        stack.open(change=changed(stack, log_level="warn" if now == "error" else "error")).up(stream=False)


def test_a_changed_route_is_taken_by_the_running_edge(stack: TestStack) -> None:
    limit = stack.settings["registry"].get("max_upload_gb", 4) + 1
    with unnoticed(stack, dropped=DROPPED):
        stack.open(change=changed(stack, max_upload_gb=limit)).up(stream=False)
    assert f"max_size {limit}GB" in (stack.root / "live/edge/current/snippets.d/registry.caddy").read_text()
    assert b"successfully reloaded config from file" in stack.containers()["edge"].logs(tail=20)


def limits(stack: TestStack) -> tuple[float, int]:
    """Return the registry's limits: CPU cores, and MiB of memory, swap included."""
    host = stack.containers()["registry"].attrs["HostConfig"]
    assert host["MemorySwap"] == host["Memory"]
    return host["NanoCpus"] / 10**9, int(host["Memory"]) // 2**20


@pytest.mark.parametrize(("cpus", "memory"), [(1.25, 1024), (0.75, 3072)], ids=["less", "more"])
def test_limits_are_changed_in_place(stack: TestStack, cpus: float, memory: int) -> None:
    # The edge's configuration says how many downloads fit the registry's memory.
    with unnoticed(stack, dropped=DROPPED):
        stack.open(change={"limits": {"registry": {"cpus": cpus, "memory_mib": memory}}}).up(stream=False)
    assert limits(stack) == (cpus, memory)


def test_a_vanished_container_is_told_and_comes_back(stack: TestStack) -> None:
    before = ids(stack)
    stack.containers()["gateway"].remove(force=True)
    seen = stack.open().stack.preview()
    assert f"{stack.name}-gateway is missing on this machine; `up` replaces it" in seen.stdout + seen.stderr
    stack.open().up(stream=False)
    assert replaced(before, stack) == {"gateway"}


def test_all_that_was_done_by_hand_is_put_right_at_once(stack: TestStack) -> None:
    before, containers = ids(stack), stack.containers()
    containers["gateway"].update(mem_limit="96m", memswap_limit="96m")
    containers["registry"].stop()
    part = next((stack.root / "parts").glob("cache-*"))
    for file in part.iterdir():
        file.write_text(file.read_text() + "# by hand\n")
    (stack.root / "secrets/registry_pass").unlink()
    stack.open().up(stream=False)
    assert replaced(before, stack) == {"cache", "gateway", "registry"}
    assert stack.containers()["gateway"].attrs["HostConfig"]["Memory"] == 128 * 2**20
    assert {container.attrs["State"]["Health"]["Status"] for container in stack.containers().values()} == {"healthy"}
    assert (stack.root / "secrets/registry_pass").read_text()
    assert not [file for file in part.iterdir() if "by hand" in file.read_text()]
    assert not {"created", "updated", "replaced", "deleted"} & set(changes(stack.open()).split())


def test_a_swept_engine_is_filled_again(stack: TestStack) -> None:
    """As after `docker rm --force $(docker ps --all --quiet)` and `docker network prune`."""
    before = ids(stack)
    for container in stack.containers().values():
        container.remove(force=True)
    for network in stack.networks():
        client().networks.get(network).remove()
    stack.open().up(stream=False)
    assert replaced(before, stack) == SERVICES
    assert not {"created", "updated", "replaced", "deleted"} & set(changes(stack.open()).split())


ROBOT = {"name": "ci", "access": [{"repositories": "ci/**", "actions": ["pull", "push"]}]}
WATCHED = {"repositories": "watched/**", "actions": ["pull"]}
# The goal is two seconds on a machine that does nothing else; tests share theirs.
MISSED_S = 10.0
OVERLAPPING = ("alerts_token", "events_token", "token_signing_seed")
TELL = """\
import http.client, sys
gateway = http.client.HTTPConnection("gateway.app", 8080)
gateway.request("POST", "/events", '{"events": []}', {"Authorization": f"Bearer {sys.argv[1]}"})
print(gateway.getresponse().status)
"""


def token(outputs: dict[str, Any], login: tuple[str, str]) -> httpx.Response:
    query = {"service": outputs["registry"], "scope": "repository:ci/app:pull"}
    return httpx.get(f"{outputs['registry_url']}/auth/token", params=query, auth=login)


def told(stack: TestStack, event_token: str) -> int:
    """What the gateway answers when somebody tells it of an event, with a token; this host itself has no way to it."""
    done = stack.containers()["gateway"].exec_run(["python3", "-c", TELL, event_token])
    return int(done.output)


def test_rotated_secrets_overlap_and_the_old_ones_end(stack: TestStack) -> None:
    first = stack.open(change={"accounts": [ROBOT], "anonymous": [WATCHED]}).up(stream=False)
    old = [("admin", first["registry_pass"]), ("ci", first["accounts"]["ci"])]
    old_event_token = (stack.root / "secrets/gateway/events-token").read_text()
    signed = token(first, old[0]).json()["token"]

    def pull(signed: str) -> int:
        headers = {"Authorization": f"Bearer {signed}"}
        return httpx.get(f"{first['registry_url']}/v2/ci/app/tags/list", headers=headers).status_code

    assert pull(signed) == 404  # the token opens a repository that is empty
    rotation = {name: {"generation": 2, "stage": "announced"} for name in OVERLAPPING}
    rotation |= {name: {"generation": 2} for name in ("registry_pass", "password-ci")}
    outputs = stack.open(change={"rotation": rotation}).up(stream=False)
    new = [("admin", outputs["registry_pass"]), ("ci", outputs["accounts"]["ci"])]
    assert [token(first, login).status_code for login in new] == [200, 200]
    assert [token(first, login).status_code for login in old] == [401, 401]
    # The edge sends the new event token, the gateway signs with the new key; then the registry forgets the former one.
    for stage, touched, former in (("used", {"edge", "gateway"}, (404, 202)), ("done", {"registry"}, (401, 401))):
        rotation |= {name: {"generation": 2, "stage": stage} for name in OVERLAPPING}
        before = ids(stack)
        with watched(outputs) as watch:
            stack.open(change={"rotation": rotation}).up(stream=False)
        assert replaced(before, stack) == touched
        assert {kind: watch.gap(kind) < MISSED_S for kind in watch.attempts} == {"pull": True, "push": True}, watch.met()
        assert "edge" in touched or all(len(errors) <= DROPPED for errors in watch.met().values()), watch.met()
        assert (pull(signed), told(stack, old_event_token)) == former
        assert pull(token(first, new[0]).json()["token"]) == 404
    assert told(stack, (stack.root / "secrets/gateway/events-token").read_text()) == 202


@contextlib.contextmanager
def asking(outputs: Mapping[str, Any]) -> Iterator[set[int]]:
    """Ask for tokens all the time; yield what was answered."""
    over, seen, dropped = threading.Event(), set[int](), list[str]()

    def ask() -> None:
        while not over.wait(0.1):
            try:
                seen.add(signs_in(outputs))
            except httpx.TransportError as error:
                dropped.append(str(error))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()
    assert len(dropped) <= DROPPED, dropped


def test_changed_rights_are_taken_in_by_the_running_gateway(stack: TestStack) -> None:
    before, first = ids(stack), stack.open().up(stream=False)
    change = {
        "accounts": [ROBOT, {**ROBOT, "name": "another"}],
        "anonymous": [WATCHED, {"repositories": "public/**", "actions": ["pull"]}],
        "rotation": {**stack.settings["rotation"], "registry_pass": {"generation": 3}},
    }
    with asking(first) as seen:
        second = stack.open(change=change).up(stream=False)
    assert (replaced(before, stack), seen) == (set(), {200})
    assert signs_in(second, ("another", second["accounts"]["another"])) == 200
    assert signs_in(second, ("admin", second["registry_pass"])) == 200
    assert signs_in(second, ("admin", first["registry_pass"])) == 401


def test_rights_that_the_gateway_refuses_are_set_back(stack: TestStack, capsys: pytest.CaptureFixture[str]) -> None:
    live, name = stack.root / "secrets/live/gateway", str(stack.containers()["gateway"].name)
    good = (live / "current").readlink()
    shutil.copytree(live / good, live / "bad")
    (live / "bad/rights.json").write_text("{}")
    for path in ((live / "bad"), *(live / "bad").iterdir()):
        shutil.chown(path, *map(int, service_user(parse({}, stack="test")).split(":")))
    told = ["--container", name, "--confirm", RIGHTS_TAKEN_IN, "--refuse", RIGHTS_REFUSED]
    assert reload(["--root", str(stack.root), "secrets/live/gateway", "--wanted", "bad", *told]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"ops.host.reload secrets/live/gateway: {name} refuses its new configuration:")
    assert "rights.json: accounts: is required" in said
    assert (live / "current").readlink() == good
    assert stack.open().up(stream=False)["registry"], "and the next `up` finds nothing to mend"


def test_destroy_leaves_nothing(stack: TestStack) -> None:
    mounts = [mount for container in stack.containers().values() for mount in container.attrs["Mounts"]]
    volumes = {mount["Name"] for mount in mounts if mount["Type"] == "volume"}
    session = stack.open()
    session.destroy(stream=False)
    assert stack.containers() == {}
    assert stack.networks() == []
    left = {str(volume.name) for volume in client().volumes.list()}
    assert {name for name in left if name in volumes or stack.name in name} == set()
    assert not stack.root.exists()
    assert session.stack.export()["deployment"].get("resources", []) == []


def test_destroy_keeps_the_images_by_default(fresh: TestStack) -> None:
    session = fresh.open(change={"registry": {}})
    session.up(stream=False)
    data = fresh.root / "data" / "registry"
    kept: Path = data / "an-image"
    kept.write_text("precious")
    session.destroy(stream=False)
    assert kept.read_text() == "precious"
    assert not (fresh.root / "secrets").exists()


def test_an_edge_with_ipv6_is_the_same_after_a_refresh(fresh: TestStack) -> None:
    fresh.open(change={"edge": {**fresh.settings["edge"], "ipv6": True}}).up(stream=False)
    session = fresh.open()
    refreshed = session.stack.preview("--refresh", "--json")
    changes = {step["op"] for step in json.loads(refreshed.stdout)["steps"]}
    assert changes <= {"same", "refresh"}
    network = client().networks.get(f"{fresh.name}-edge")
    assert network.attrs["EnableIPv6"] is True
