"""A production stack on an emulated server, from creation to removal: changes, refusals, drift and its repair."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra.server.schedule import schedule
from ops.core.process import Completed
from tests.engine.servers import Server, production
from tests.infra.server.plans import plan
from tools.emulation.client import Client
from tools.emulation.stack import EmulatedStack

ADDRESS = "127.0.0.61"
IMAGE = "team/app:1"
NOTHING = "--expect-no-changes"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedStack]:
    """A production stack that is up; tests leave it as they found it."""
    with production(tmp_path_factory.mktemp("production"), ADDRESS) as stack:
        stack.stack.up()
        yield stack


@pytest.fixture(scope="module")
def outputs(stack: EmulatedStack) -> dict[str, Any]:
    return stack.stack.outputs()


@pytest.fixture(scope="module")
def server(stack: EmulatedStack) -> Server:
    return Server(stack)


@pytest.fixture(scope="module")
def client(outputs: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Client:
    """The operator, on another machine."""
    client = Client(outputs["registry"], tmp_path_factory.mktemp("operator"))
    client.trust(outputs["registry_authority"])
    client.login(outputs["registry_user"], outputs["registry_pass"])
    client.push(IMAGE)
    return client


def preview(stack: EmulatedStack) -> Completed:
    return stack.stack.preview(check=False)


def test_everybody_pulls_what_the_operator_has_pushed(client: Client, outputs: dict[str, Any], tmp_path: Any) -> None:
    stranger = Client(outputs["registry"], tmp_path)
    stranger.trust(outputs["registry_authority"])
    stranger.pull(IMAGE)
    assert stranger.digest(IMAGE) == client.digest(IMAGE)


def test_a_second_up_changes_nothing_and_asks_the_api_nothing(stack: EmulatedStack) -> None:
    before = len(stack.api.calls)
    stack.stack.up(NOTHING)
    assert stack.api.calls[before:] == []


def test_after_a_refresh_nothing_has_changed_either(stack: EmulatedStack) -> None:
    stack.stack.up("--refresh", NOTHING)


def test_a_changed_setting_of_a_service_touches_its_container_alone(stack: EmulatedStack, server: Server) -> None:
    before = server.containers()
    stack.configure(limits={"alertmanager": {"cpus": 0.2, "memory_mib": 120}})
    stack.stack.up()
    after = server.containers()
    assert {name for name, identity in after.items() if before.get(name) != identity} <= {f"{stack.name}-alertmanager"}
    inspected = server.run(f"docker inspect --format '{{{{.HostConfig.Memory}}}}' {stack.name}-alertmanager")
    assert int(inspected) == 120 * 1024 * 1024
    stack.configure(limits={})
    stack.stack.up()


@pytest.mark.parametrize(
    "path",
    [
        "/etc/sysctl.d/90-private-registry.conf",
        "/etc/systemd/system/regops-doctor.timer",
        "/srv/private-registry/secrets/registry_user",
    ],
)
def test_a_file_changed_by_hand_is_named_and_put_right_once(stack: EmulatedStack, server: Server, path: str) -> None:
    before = server.run(f"sha256sum {path}; stat -c '%a %u' {path}")
    server.run(f"echo '# by hand' >> {path}")
    seen = preview(stack)
    assert f"{path} has changed on" in seen.stdout + seen.stderr
    stack.stack.up()
    assert server.run(f"sha256sum {path}; stat -c '%a %u' {path}") == before
    stack.stack.up(NOTHING)


def test_secrets_are_the_services_alone_and_nowhere_in_clear(
    stack: EmulatedStack, server: Server, outputs: dict[str, Any]
) -> None:
    password = outputs["registry_pass"]
    assert password not in json.dumps(stack.stack.export())
    assert password not in "".join(path.read_text() for path in (stack.stack.state / "backend").rglob("*.json"))
    open_to_others = "find /srv/private-registry/secrets -perm /077"
    assert server.run(open_to_others) == ""
    holding = server.run(
        f"grep -rlF -- '{password}' /srv /etc /var/log /var/lib/private-registry /root 2>/dev/null || true"
    ).split()
    assert holding
    assert {path for path in holding if not path.startswith("/srv/private-registry/secrets/")} == set()
    assert password not in server.run("docker ps -q | xargs docker inspect")
    assert password not in server.run("cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' ' ' || true")
    assert password not in server.run("journalctl --no-pager")


def test_the_token_is_neither_in_the_state_nor_on_the_server(stack: EmulatedStack, server: Server) -> None:
    token = stack.stack.environment["HCLOUD_TOKEN"]
    assert token not in json.dumps(stack.stack.export())
    assert server.run(f"grep -rlF -- {token} /srv /etc /var/log /root 2>/dev/null || true") == ""


@pytest.mark.parametrize("task", [task.name for task in schedule(plan())])
def test_each_task_of_the_schedule_runs_on_the_server(server: Server, task: str) -> None:
    assert f"regops-{task}.timer" in server.run("systemctl list-timers --no-pager --no-legend")
    server.run(f"systemctl start regops-{task}.service || {{ journalctl --unit regops-{task} --no-pager; exit 1; }}")


def test_what_tasks_keep_is_the_stacks_own_whoever_calls_regops(server: Server) -> None:
    runs = json.loads(server.run("regops history --json"))["runs"]
    assert {"doctor", "gc"} <= {run["task"] for run in runs}
    assert {run["exit_code"] for run in runs} == {0}
    server.run("regops status && regops changes && regops snapshot && regops doctor")
    assert server.run("find /srv/private-registry/data/regops /srv/private-registry/data/registry ! -user 10001") == ""


def test_another_location_is_refused_at_preview(stack: EmulatedStack) -> None:
    rented = stack.settings["hetzner"]
    stack.configure(hetzner={**rented, "location": "nbg1"})
    refused = preview(stack)
    stack.configure(hetzner=rented)
    assert refused.returncode != 0
    assert "protect" in refused.stdout + refused.stderr


def test_destroy_is_refused_until_it_is_told_twice(stack: EmulatedStack, server: Server) -> None:
    before = server.containers()
    refused = stack.stack.pulumi(["destroy", "--yes", "--stack", "prod"], timeout=300, check=False)
    assert refused.returncode != 0
    assert "protect" in refused.stdout + refused.stderr
    assert server.containers() == before
    assert not [call for call in stack.api.calls if call[0] == "DELETE"]


def test_another_type_of_server_is_taken_in_place(stack: EmulatedStack, server: Server, client: Client) -> None:
    digest, name = client.digest(IMAGE), server.name
    stack.configure(hetzner={**stack.settings["hetzner"], "server_type": "cx43"})
    stack.stack.up()
    assert server.name == name
    assert [call for call in stack.api.calls if call[1].endswith("/actions/change_type")]
    stack.stack.up(NOTHING)
    assert client.digest(IMAGE) == digest


def test_told_twice_everything_goes(stack: EmulatedStack) -> None:
    stack.release_protection()
    stack.stack.destroy()
    assert stack.api.is_empty
