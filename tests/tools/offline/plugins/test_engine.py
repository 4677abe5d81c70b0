"""The stand-ins under the real engine: what is created, left alone, changed in place, replaced, refreshed and destroyed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from docker import APIClient

from tests.tools.offline.plugins.sample_programs import Program

pytestmark = pytest.mark.system

Resource = dict[str, Any]


@pytest.fixture
def program(tmp_path: Path, engine: APIClient) -> Program:  # noqa: ARG001  # plugins find it
    made = Program(tmp_path)
    made.attached = ("command", "docker")
    return made


@dataclass(frozen=True)
class Box:
    """A container that a test's program wants."""

    engine: APIClient
    image: str
    name: str

    def wanted(self, **args: Any) -> Resource:
        limits = {"memory": 32, "memory_swap": 32, "cpus": "0.25"}
        fixed = {"image": self.image, "name": self.name, "network_mode": "none", "destroy_grace_seconds": 1, **limits}
        return {"type": "docker.Container", "name": "box", "args": {**fixed, **args}}

    def inspect(self) -> Any:
        return self.engine.inspect_container(self.name)

    def image_id(self) -> str:
        return str(self.engine.inspect_image(self.image)["Id"])  # type: ignore[no-untyped-call]

    def count(self) -> int:
        return len(self.engine.containers(all=True, filters={"name": self.name}))


@pytest.fixture
def box(engine: APIClient, image: str, own: str) -> Box:
    return Box(engine, image, own)


def command(**args: Any) -> Resource:
    return {"type": "command.Command", "name": "run", "args": args, "output": "stdout"}


def test_all_is_created_then_unchanged_then_destroyed(program: Program, box: Box) -> None:
    program.attached = ()
    wanted = [
        {"type": "docker.RemoteImage", "name": "image", "args": {"name": box.image, "keep_locally": True}, "output": "image_id"},
        {"type": "docker.Network", "name": "net", "args": {"name": box.name, "internal": True}, "output": "driver"},
        {"type": "docker.Volume", "name": "vol", "args": {"name": box.name}, "output": "mountpoint"},
        box.wanted(command=["sleep", "1000"], read_only=True, tmpfs={"/tmp": "size=8m"}),  # noqa: S108
        command(create="echo made"),
    ]
    assert program.up(*wanted).steps == dict.fromkeys(["image", "net", "vol", "box", "run"], "create")
    assert program.outputs() == {
        "image": box.image_id(),
        "net": "bridge",
        "vol": box.engine.inspect_volume(box.name)["Mountpoint"],
        "run": "made",
    }
    made = box.inspect()
    assert made["State"]["Running"]
    host = made["HostConfig"]
    assert (host["Memory"], host["MemorySwap"], host["NanoCpus"]) == (32 * 2**20, 32 * 2**20, 250_000_000)
    assert program.up(*wanted).steps == {}
    assert program.up(*wanted, refresh=True).steps == {}
    assert box.inspect()["Id"] == made["Id"]

    assert program.destroy().steps == dict.fromkeys(["image", "net", "vol", "box", "run"], "delete")
    assert box.count() == 0
    assert box.engine.networks(names=[box.name]) == []
    assert not box.engine.volumes(filters={"name": box.name})["Volumes"]
    assert box.image_id()  # kept


def test_a_generated_name_stays(program: Program, engine: APIClient, own: str) -> None:
    network = {"type": "docker.Network", "name": own, "args": {}, "output": "name"}
    program.up(network)
    name = program.outputs()[own]
    assert name.startswith(f"{own}-")
    assert program.up({**network, "args": {"internal": True}}).steps == {own: "replace"}
    assert program.outputs()[own] != name
    assert len(engine.networks(names=[own])) == 1


@pytest.mark.parametrize("change", [{"cpus": "0.5"}, {"command": ["sleep", "2000"]}, {"labels": [{"label": "a", "value": "b"}]}])
def test_these_changes_replace_a_container(change: Resource, program: Program, box: Box) -> None:
    program.up(box.wanted())
    before = box.inspect()["Id"]
    outcome = program.up(box.wanted(**change))
    assert outcome.steps == {"box": "replace"}
    assert box.inspect()["Id"] != before
    assert box.count() == 1


def test_memory_and_restart_policy_change_in_place(program: Program, box: Box) -> None:
    program.up(box.wanted())
    before = box.inspect()["Id"]
    wanted = box.wanted(memory=48, memory_swap=48, restart="unless-stopped")
    assert program.up(wanted).steps == {"box": "update"}
    after = box.inspect()
    assert after["Id"] == before
    assert after["HostConfig"]["Memory"] == 48 * 2**20
    assert after["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    assert program.up(wanted).steps == {}


@pytest.mark.parametrize(
    ("first", "second", "path"),
    [
        ({"tmpfs": {"/tmp": "size=8m"}}, {"tmpfs": {"/tmp": "size=9m"}}, "Tmpfs"),  # noqa: S108
        ({"init": True}, {"init": False}, "Init"),
        (
            {"mounts": [{"type": "bind", "source": "/etc", "target": "/a"}]},
            {"mounts": [{"type": "bind", "source": "/opt", "target": "/a"}]},
            "Mounts",
        ),
    ],
)
def test_like_the_official_plugin_these_updates_change_nothing(
    first: Resource, second: Resource, path: str, program: Program, box: Box
) -> None:
    program.up(box.wanted(**first))
    before = box.inspect()["HostConfig"][path]
    assert program.up(box.wanted(**second)).steps == {"box": "update"}
    assert box.inspect()["HostConfig"][path] == before
    assert program.up(box.wanted(**second)).steps == {}
    assert program.up(box.wanted(**second), refresh=True).steps == {"box": "update"}


def test_refresh_sees_what_was_changed_by_hand(program: Program, box: Box) -> None:
    program.up(box.wanted())
    box.engine.update_container(box.name, mem_limit="48m", memswap_limit="48m")
    assert program.up(box.wanted()).steps == {}
    assert program.up(box.wanted(), refresh=True).steps == {"box": "update"}
    assert box.inspect()["HostConfig"]["Memory"] == 32 * 2**20

    assert program.up(box.wanted(), refresh=True).steps == {}


def test_refresh_starts_a_stopped_container_and_makes_a_removed_one_anew(program: Program, box: Box) -> None:
    program.up(box.wanted())
    first = box.inspect()["Id"]
    box.engine.stop(box.name, timeout=0)
    assert program.up(box.wanted(), refresh=True).steps == {"box": "update"}
    assert box.inspect()["State"]["Running"]
    assert box.inspect()["Id"] == first

    box.engine.remove_container(box.name, force=True)
    assert program.up(box.wanted(), refresh=True).steps == {"box": "create"}
    assert box.inspect()["Id"] != first


def test_a_container_that_does_not_become_healthy_is_told_and_made_anew(program: Program, box: Box) -> None:
    def wanted(test: str) -> Resource:
        script = "echo what the container says; touch /tmp/there; sleep 1000"
        check = {"tests": ["CMD", "sh", "-c", f"echo looking; test -e /tmp/{test}"], "interval": "1s"}
        return box.wanted(command=["sh", "-c", script], healthcheck=check, wait=True, wait_timeout=4)

    outcome = program.up(wanted("nowhere"))
    assert outcome.failed
    assert f"container failed to be in healthy state: {box.name} (not healthy after 4 s)" in outcome.text
    assert "exit code 1: looking" in outcome.text
    assert "what the container says" in outcome.text
    assert "Traceback" not in outcome.text
    first = box.inspect()["Id"]

    outcome = program.up(wanted("there"))
    assert not outcome.failed
    assert outcome.steps == {"box": "replace"}
    assert box.inspect()["Id"] != first
    assert box.inspect()["State"]["Health"]["Status"] == "healthy"


@pytest.mark.parametrize(
    ("change", "told", "at_preview"),
    [
        ({"unheard_of": 1}, "unexpected keyword argument", True),
        ({"gpus": "all"}, "`gpus` is not covered by the stand-in plugin", True),
        ({"mounts": [{"type": "bind", "target": "/a", "selinux": "z"}]}, "Invalid or unknown key", True),
        ({"command": ["sh", ""]}, "values for command may not be empty", False),
        ({"image": "localhost:1/none"}, "unable to pull image localhost:1/none", False),
    ],
)
def test_what_the_official_plugin_refuses_is_refused(
    change: Resource, told: str, at_preview: bool, program: Program, box: Box
) -> None:
    outcome = program.up(box.wanted(**change))
    assert outcome.failed
    assert told in outcome.text
    assert program.preview().failed == at_preview
    assert box.count() == 0


def test_without_a_docker_engine_the_error_names_its_address(program: Program, box: Box, tmp_path: Path) -> None:
    program.environment["DOCKER_HOST"] = f"unix://{tmp_path}/none.sock"
    outcome = program.up(box.wanted())
    assert outcome.failed
    assert f"cannot reach the Docker engine at unix://{tmp_path}/none.sock; is it running?" in outcome.text


def test_a_command_is_created_updated_and_deleted(program: Program, tmp_path: Path) -> None:
    log = tmp_path / "log"
    first = command(create=f"echo create >> {log}; echo first", delete=f"echo delete $PULUMI_COMMAND_STDOUT >> {log}")
    program.up(first)
    assert program.outputs() == {"run": "first"}
    assert program.up(first).steps == {}

    second = command(**{**first["args"], "update": f"echo update $PULUMI_COMMAND_STDOUT >> {log}; echo second"})
    assert program.up(second).steps == {"run": "update"}
    assert program.outputs() == {"run": "second"}

    triggered = command(**second["args"], triggers=["a"])
    assert program.up(triggered).steps == {"run": "replace"}
    assert program.up({**triggered, "args": {**triggered["args"], "triggers": ["b"]}}).steps == {"run": "replace"}
    program.destroy()
    assert log.read_text().splitlines() == [
        "create",
        "update first",
        "create",
        "delete second",
        "create",
        "delete first",
        "delete first",
    ]


def test_a_failing_command_shows_what_it_wrote_and_leaves_nothing(program: Program) -> None:
    outcome = program.up(command(create="echo said; echo why >&2; exit 3"))
    assert outcome.failed
    assert 'exit status 3: running "echo said; echo why >&2; exit 3":' in outcome.text
    assert "why" in outcome.text
    assert "Traceback" not in outcome.text
    assert "command:local:Command" not in program.state()


def test_output_is_shown_unless_logging_is_off(program: Program) -> None:
    assert "heard" in program.up(command(create="echo heard >&2")).text
    assert "heard" not in program.up(command(create="cat >&2", stdin="heard", logging="none")).text


def test_secrets_are_not_in_clear_text_in_the_state(program: Program, box: Box) -> None:
    run = {**command(create="cat > /dev/null", stdin="hidden-input"), "secret": ["stdin"]}
    wanted = {**box.wanted(envs=["WORD=hidden-word"]), "secret": ["envs"]}
    assert not program.up(run, wanted).failed
    assert "WORD=hidden-word" in box.inspect()["Config"]["Env"]
    assert "hidden" not in program.state()
    assert program.up(run, wanted).steps == {}
    assert "hidden" not in program.state()
    assert program.up(run, {**box.wanted(envs=["WORD=hidden-other"]), "secret": ["envs"]}).steps == {"box": "replace"}
    assert "WORD=hidden-other" in box.inspect()["Config"]["Env"]
    assert "hidden" not in program.state()


def test_a_container_is_imported_by_its_id(program: Program, box: Box) -> None:
    made = box.engine.create_container(
        box.image, ["sleep", "1000"], name=box.name, host_config=box.engine.create_host_config(network_mode="none")
    )
    box.engine.start(made["Id"])
    args = {"image": box.image, "name": box.name, "network_mode": "none", "command": ["sleep", "1000"]}
    wanted = {"type": "docker.Container", "name": "box", "args": args, "options": {"import_": made["Id"]}}
    outcome = program.up(wanted)
    assert "= 1 imported" in outcome.text
    assert program.up(wanted).steps == {}
    assert box.inspect()["Id"] == made["Id"]
