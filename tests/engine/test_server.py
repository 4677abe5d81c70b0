"""A production stack on an emulated server, from creation to removal: changes, refusals, drift and its repair."""

from __future__ import annotations

import json
import re
import shlex
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from infra.server.schedule import schedule
from ops.core.process import Completed
from ops.events.alerts import parse
from tests.engine.servers import BACK_UP_IN_2020, ROOT, Box, Server, before_keys_were_tied, let_in_by_rules
from tests.infra.server.plans import plan
from tests.ops.events.alert_samples import alert, body
from tools.bootstrap.prune import prune_there
from tools.emulation.client import Client
from tools.emulation.stack import EmulatedStack

IMAGE = "team/app:1"
NOTHING = "--expect-no-changes"


@pytest.fixture(scope="module")
def stack(rented: EmulatedStack) -> EmulatedStack:
    return rented


@pytest.fixture(scope="module")
def outputs(stack: EmulatedStack) -> dict[str, Any]:
    return stack.stack.outputs()


@pytest.fixture(scope="module")
def server(stack: EmulatedStack) -> Server:
    return Server(stack)


@pytest.fixture(scope="module")
def box(stack: EmulatedStack) -> Box:
    return Box(stack)


@pytest.fixture(scope="module")
def client(outputs: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Client:
    """The operator, on another machine."""
    client = Client.of_operator(outputs, tmp_path_factory.mktemp("operator"))
    client.push(IMAGE)
    return client


def preview(stack: EmulatedStack) -> Completed:
    return stack.stack.preview(check=False)


def test_everybody_pulls_what_the_operator_has_pushed(client: Client, outputs: dict[str, Any], tmp_path: Any) -> None:
    stranger = Client(outputs["registry"], tmp_path)
    stranger.trust(outputs["registry_authority"])
    stranger.pull(IMAGE)
    assert stranger.digest(IMAGE) == client.digest(IMAGE)


def test_the_gateway_starts_with_modules_that_the_server_has_compiled(stack: EmulatedStack, server: Server) -> None:
    started = f"docker exec {stack.name}-gateway python3 -B -v -c 'import ops.gateway.app, pydantic' 2>&1"
    for module in ("/opt/ops/ops/gateway/app.py", "/opt/site/pydantic/main.py"):
        assert f"matches {module}" in server.run(f"{started} | grep ' matches '")


def test_a_second_up_changes_nothing_and_asks_the_api_nothing(stack: EmulatedStack) -> None:
    before = len(stack.api.calls)
    stack.stack.up(NOTHING)
    assert stack.api.calls[before:] == []


def test_it_backs_itself_up_to_its_storage_box_and_restores_from_there(server: Server, client: Client) -> None:
    server.run("systemctl start regops-backup || { journalctl --unit regops-backup; false; }")
    *_, made = json.loads(server.run("regops backups --json"))["backups"]
    assert made["good"]
    assert "team/app" in server.run("regops backups show")
    server.run("systemctl start regops-drill || { journalctl --unit regops-drill; false; }")
    drilled = json.loads(server.run("regops drill show --json"))["report"]
    assert (drilled["passed"], drilled["notes"], drilled["moved"], drilled["gone"]) == (True, [], [], [])
    assert "team/app" in drilled["repositories"]
    assert drilled["databases"] > 0
    # The whole registry is lost, and its snapshots with it.
    server.run("rm -rf /srv/private-registry/data/registry/docker /srv/private-registry/data/snapshots/*")
    server.run("regops restore")
    client.pull(IMAGE)
    client.push(IMAGE)
    server.run("systemctl start regops-verify || { journalctl --unit regops-verify; false; }")


def test_the_next_up_ties_the_servers_key_of_a_box_that_was_set_up_before_keys_were_tied(
    stack: EmulatedStack, box: Box, tmp_path: Path
) -> None:
    tied = box.run(f"cat {box.KEYS}")
    free = tied.splitlines()[0].partition("restrict ")[2]
    box.run(f"echo '{free}' > {box.KEYS}")
    (tmp_path / "before.json").write_text(json.dumps(before_keys_were_tied(stack.stack.export(), free)))
    stack.stack.pulumi(["stack", "import", "--stack", "prod", "--file", str(tmp_path / "before.json")])
    stack.stack.up()
    assert box.run(f"cat {box.KEYS}").splitlines()[0] == tied.splitlines()[0]
    assert tied.startswith('command="rclone serve restic --stdio --append-only backups/restic",restrict ')


def test_the_servers_key_removes_no_backup_and_the_operators_removes_old_ones(
    stack: EmulatedStack, server: Server, box: Box, capfd: pytest.CaptureFixture[str]
) -> None:
    packages = f"PYTHONPATH={ROOT}/current/ops:{ROOT}/current/site"
    server.run(f"{packages} setpriv --reuid=10001 --regid=10001 --clear-groups python3 -B -c {shlex.quote(BACK_UP_IN_2020)}")
    server.run("systemctl start regops-prune || { journalctl --unit regops-prune; false; }")
    server.run(f"sed -i \"s/20..-..-../$(date -d '10 days ago' +%F)/\" {ROOT}/data/backup/prune.json")
    before = box.files()
    login = f"-p 23 -i {ROOT}/secrets/backup/ssh_key -oBatchMode=yes -oUserKnownHostsFile={ROOT}/data/backup/known_hosts"
    to = server.run(f"cat {ROOT}/secrets/backup/target").removeprefix("ssh://").partition(":")[0]
    for attack in ("rm -r backups", "dd of=backups/restic/config", "dd of=.ssh/authorized_keys", ""):
        server.run(f"timeout 20 ssh {login} {to} {shlex.quote(attack)} </dev/null >/dev/null 2>&1 || true")
    waiting = json.loads(server.run("regops backups prune --json"))["report"]
    assert (waiting["removed"], waiting["waiting"]) == (0, 1)
    assert box.files() == before
    capfd.readouterr()
    prune_there(stack.stack.outputs(), ["--json"])
    assert json.loads(capfd.readouterr().out)["report"]["removed"] == 1
    server.run("regops verify --all && systemctl start regops-backup")
    assert "2020-" not in server.run("regops backups --json")


def test_after_a_refresh_nothing_has_changed_either(stack: EmulatedStack) -> None:
    stack.stack.up("--refresh", NOTHING)


def test_a_changed_setting_of_a_service_touches_its_container_alone(stack: EmulatedStack, server: Server) -> None:
    before = server.containers()
    stack.configure(limits={"alertmanager": {"cpus": 0.2, "memory_mib": 120}})
    stack.stack.up()
    after = server.containers()
    touched = {name for name, identity in after.items() if before.get(name) != identity}
    assert touched <= {f"{stack.name}-alertmanager"}
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


def test_what_somebody_has_done_to_containers_is_named_and_put_right_once(stack: EmulatedStack, server: Server) -> None:
    before = server.containers()
    gone, other = f"{stack.name}-alertmanager", f"{stack.name}-blackbox-exporter"
    server.run(f"docker rm --force {gone}; docker update --memory 40m --memory-swap 40m {other}")
    seen = preview(stack)
    assert f"{gone} is missing on" in seen.stdout + seen.stderr
    assert f"{other} has other limits on" in seen.stdout + seen.stderr
    stack.stack.up()
    after = server.containers()
    assert {name for name in after if before.get(name) != after[name]} == {gone, other}
    stack.stack.up(NOTHING)


def test_an_operator_with_another_address_previews_and_opens_the_firewall_first(stack: EmulatedStack, server: Server) -> None:
    """The emulated firewall filters nothing, so it is stood in for: SSH is refused until the API is told of the new rules."""
    rule = "INPUT -p tcp --dport 22 --syn -j REJECT --reject-with tcp-reset"
    server.run(f"iptables -I {rule}; pkill sshd-session || true")
    try:
        seen = stack.stack.preview(NOTHING, check=False)
        told = seen.stdout + seen.stderr
        assert seen.returncode == 0, told
        assert "does not answer by SSH" in told
        assert " 1 warning" in told
        assert "add it there and run `up`, which opens the firewall first" in told
        rented = stack.settings["hetzner"]
        stack.configure(hetzner={**rented, "ssh_from": [*rented["ssh_from"], "203.0.113.7/32"]})
        assert "does not answer by SSH" in (planned := preview(stack)).stdout + planned.stderr
        told_of = len(stack.api.calls)
        opening = threading.Thread(target=let_in_by_rules, args=(stack, server, rule, told_of))
        opening.start()
        stack.stack.up()
        opening.join()
        stack.stack.up(NOTHING)
        stack.configure(hetzner=rented)
        stack.stack.up()
    finally:
        server.run(f"iptables -D {rule} 2>/dev/null || true")


def test_secrets_are_the_services_alone_and_nowhere_in_clear(
    stack: EmulatedStack, server: Server, outputs: dict[str, Any]
) -> None:
    password = outputs["registry_pass"]
    assert password not in json.dumps(stack.stack.export())
    assert password not in "".join(path.read_text() for path in (stack.stack.state / "backend").rglob("*.json"))
    open_to_others = "find /srv/private-registry/secrets ! -type l -perm /077"
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


def test_users_of_the_server_reach_what_is_published_alone(stack: EmulatedStack, server: Server) -> None:
    inspected = json.loads(server.run(f"docker inspect {stack.name}-edge {stack.name}-gateway"))
    edge, gateway = (one["NetworkSettings"]["Networks"] for one in inspected)
    metrics = f"http://{edge[f'{stack.name}-edge']['IPAddress']}:9180/metrics"

    def gets(url: str, user: int) -> bool:
        command = f"setpriv --reuid={user} --clear-groups curl -s -o /dev/null -m 3 {url}"
        return server.run(f"{command} && echo yes || echo no").strip() == "yes"

    assert gets(metrics, 0)
    assert not gets(metrics, 10001)
    assert gets("http://127.0.0.1:8080/healthz", 10001)
    assert server.run(f"ip route get {gateway[f'{stack.name}-app']['IPAddress']}").split()[1] == "via", "no way on this host"


# Without pushed repositories to tidy, without a catalogue, and without CrowdSec.
NOT_HERE = {"retention", "sync", "bans"}


@pytest.mark.parametrize("task", [task.name for task in schedule(plan()) if task.name not in NOT_HERE])
def test_each_task_of_the_schedule_runs_on_the_server(server: Server, task: str) -> None:
    assert f"regops-{task}.timer" in server.run("systemctl list-timers --no-pager --no-legend")
    server.run(f"systemctl start regops-{task}.service || {{ journalctl --unit regops-{task} --no-pager; exit 1; }}")


def test_an_alert_becomes_a_message_at_once(server: Server) -> None:
    """The gateway's part is tests/stack_components/monitoring; here it is systemd's, with the rights that the task has."""
    inbox = f"{ROOT}/data/gateway/alerts"
    waiting = json.dumps(asdict(parse(body(alert()))))
    put = f"echo {shlex.quote(waiting)} > {inbox}/.new && chown 10001:10001 {inbox}/.new && mv {inbox}/.new {inbox}/1-new.json"
    arrives = f"grep -q '\"last\": [1-9]' {ROOT}/data/gateway/watchdog.json"
    server.run(f"for _ in $(seq 150); do {arrives} && exit 0; sleep 1; done; exit 1")  # from Prometheus, by all networks
    server.run(f"systemctl is-active regops-notify.path && {put}")
    server.run(f"for _ in $(seq 50); do [ -e {inbox}/1-new.json ] || exit 0; sleep 0.2; done; exit 1")


def test_services_of_the_host_that_have_failed_are_measured(server: Server) -> None:
    # The second start waits for a run that had begun before.
    server.run("systemd-run --wait --unit=broken false || true; systemctl start regops-notify; systemctl start regops-notify")
    measured = server.run(f"cat {ROOT}/data/metrics/regops-host.prom")
    server.run("systemctl reset-failed broken")
    for line in ('{unit="docker.service"} 0.0', '{unit="broken.service"} 1.0'):
        assert f"regops_unit_failed{line}" in measured
    assert 'regops_disk_read_only{disk="docker"} 0.0' in measured
    assert re.search(r"^regops_conntrack_limit [1-9]", measured, re.MULTILINE), "the task may not see the kernel's figures"


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
    before, calls = server.containers(), len(stack.api.calls)
    refused = stack.stack.pulumi(["destroy", "--yes", "--stack", "prod"], timeout=300, check=False)
    assert refused.returncode != 0
    assert "protect" in refused.stdout + refused.stderr
    assert server.containers() == before
    assert not [call for call in stack.api.calls[calls:] if call[0] == "DELETE"]


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
