"""The doctor as a command, against a real edge, gateway and registry, healthy and broken in many ways."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import docker
import httpx
import psutil
import pytest

from ops.config import READ_ONLY_FILE, READ_ONLY_FOLDER, RIGHTS_FILE, Access
from ops.registry.canary import REPOSITORY
from tests.free_ports import free_port
from tests.ops.gateway.gateway_rig import PASSWORDS, PULL_ALL, SERVICE, write_rights
from tests.ops.tasks.doctor.doctor_rig import NAME, STEPS, Stack, stack_with
from tools.bootstrap.docker_engine import ensure_docker

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with stack_with(tmp_path_factory.mktemp("stack"), (PULL_ALL,)) as stack:
        yield stack


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Stack]:
    """A stack without anonymous pulls."""
    with stack_with(tmp_path, ()) as stack:
        yield stack


def test_a_healthy_registry_is_reported_as_healthy(stack: Stack) -> None:
    done = stack.doctor("--post-deploy")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split()[1] for line in lines] == [f"{step}:" for step in STEPS]
    assert f"{stack.url}/auth/token" in lines[0]
    assert {line.split()[0] for line in lines[:5]} == {"ok"}
    assert "anyone can pull it" in lines[4]


def test_the_password_is_in_no_output_and_no_argument(stack: Stack) -> None:
    done = stack.doctor("--json")
    assert PASSWORDS["admin"] not in done.stdout + done.stderr + " ".join(done.argv)


def test_further_runs_on_the_same_day_add_nothing_to_the_registry(stack: Stack) -> None:
    stack.doctor()
    blobs = stack.folder / "registry/docker/registry/v2/blobs"
    before = sorted(blobs.rglob("data"))
    code, checks = stack.findings()
    assert code == 0
    assert checks["cleanup"]["state"] == "skipped"
    assert sorted(blobs.rglob("data")) == before


def test_after_a_deployment_the_canary_is_new_and_the_older_one_is_deleted(stack: Stack) -> None:
    stack.doctor()
    pushed = [stack.findings("--post-deploy")[1]["push"]["detail"] for _ in range(2)]
    assert pushed[0] != pushed[1]
    assert stack.tags() == ["deployed", "doctor"]
    assert stack.manifests() == 2


def test_a_given_address_is_used_instead_of_a_lookup(stack: Stack) -> None:
    assert stack.findings("--resolve", f"{NAME}:127.0.0.1")[0] == 0
    unknown = f"https://registry.invalid:{stack.caddy.ports.tls}"
    assert stack.failed("answers", url=unknown)[1].startswith(f"{unknown}: its name is not known")
    # The edge is found, but has no certificate for that name.
    code, detail = stack.failed("answers", "--resolve", "registry.invalid:127.0.0.1", url=unknown)
    assert code == 13
    assert detail.startswith(f"{unknown}: no TLS: ")


def test_without_tls_it_stays_on_this_machine(stack: Stack) -> None:
    assert stack.findings(url=stack.caddy.url)[0] == 0
    address = next((one for one in _addresses() if not one.startswith("127.")), None)
    if address is None:
        pytest.skip("this machine has no address but loopback ones")
    with contextlib.ExitStack() as closing:
        listener = closing.enter_context(_listening(address))
        code, detail = stack.failed("answers", url=f"http://{address}:{listener}")
    assert code == 10
    assert "https only" in detail


def _addresses() -> list[str]:
    return [one.address for ones in psutil.net_if_addrs().values() for one in ones if one.family.name == "AF_INET"]


@contextlib.contextmanager
def _listening(address: str) -> Iterator[int]:
    with socket.create_server((address, 0)) as server:
        yield server.getsockname()[1]


def test_another_ca_is_not_trusted(stack: Stack, tmp_path: Path) -> None:
    missing = tmp_path / "none.crt"
    code, detail = stack.failed("answers", "--ca", str(missing))
    assert (code, detail) == (13, f"{stack.url}: {missing}: No such file or directory")
    shutil.copy("/etc/ssl/certs/ca-certificates.crt", missing)
    code, detail = stack.failed("answers", "--ca", str(missing))
    assert code == 13
    assert "its certificate is not trusted" in detail


def test_an_unknown_name_is_reported_with_its_remedy(stack: Stack) -> None:
    code, checks = stack.findings(url="https://registry.invalid")
    assert code == 13
    assert "its name is not known" in checks["answers"]["detail"]
    assert "DNS" in checks["answers"]["remedy"]


def test_it_waits_for_a_registry_that_is_starting_but_not_forever(stack: Stack) -> None:
    done = stack.doctor("--patience", "3", url=f"https://127.0.0.1:{free_port()}")
    assert done.returncode == 13
    assert done.stderr.count("waiting: ") == 1
    assert "failed   answers: " in done.stderr
    assert "remedy: " in done.stderr


def test_a_wrong_password_is_reported_and_tried_only_once(stack: Stack) -> None:
    secret = stack.root / "secrets/registry_pass"
    secret.write_text("wrong")
    try:
        code, detail = stack.failed("login", "--patience", "10")
    finally:
        secret.write_text(PASSWORDS["admin"])
    assert code == 1
    assert "401" in detail
    assert stack.findings()[0] == 0


def test_whoever_sends_a_wrong_password_too_often_is_told_until_when_to_wait(stack: Stack) -> None:
    secret, old = stack.root / "secrets/registry_pass", ("admin", "an old password")
    secret.write_text(old[1])
    try:
        for _ in range(11):
            httpx.get(f"{stack.caddy.url}/auth/token", params={"service": SERVICE}, auth=old)
        code, checks = stack.findings()
    finally:
        secret.write_text(PASSWORDS["admin"])
    login = checks["login"]
    assert (code, login["state"]) == (1, "failed")
    assert re.match(r"too many failed logins from here, until \d\d:\d\d:\d\d UTC: GET /auth/token", login["detail"])
    assert "`regops status`" in login["remedy"]
    assert "remove" not in login["remedy"]
    assert stack.findings()[0] == 0, "the right password is let in"


@pytest.mark.parametrize("missing", ["secrets/registry_pass", RIGHTS_FILE, "current/regops/regops.json"])
def test_a_missing_file_on_the_host_is_an_invalid_configuration(stack: Stack, missing: str) -> None:
    path = stack.root / missing
    kept = path.rename(path.with_name("kept"))
    try:
        done = stack.doctor()
    finally:
        kept.rename(path)
    assert done.returncode == 10
    assert f"{path}: " in done.stderr


def test_a_person_s_read_only_mode_is_told_as_such(stack: Stack) -> None:
    read_only = stack.folder / READ_ONLY_FOLDER / READ_ONLY_FILE
    read_only.touch()
    try:
        code, detail = stack.failed("push")
    finally:
        read_only.unlink()
    assert code == 75
    assert "this registry is read-only until its operator ends that" in detail


@pytest.mark.parametrize("change", ["other", "cut"])
def test_content_that_differs_from_what_was_pushed_is_found(stack: Stack, change: str) -> None:
    blobs = stack.folder / "registry/docker/registry/v2/blobs/sha256"
    assert stack.findings()[0] == 0
    config = next(path for path in blobs.rglob("data") if b'"rootfs"' in path.read_bytes() and _of_today(stack, path))
    content = config.read_bytes()
    config.write_bytes(content.replace(b"linux", b"LINUX") if change == "other" else b"")
    try:
        code, checks = stack.findings()
    finally:
        config.write_bytes(content)
    assert checks["pull"]["state"] == "failed"
    assert code == 12, checks


def _of_today(stack: Stack, path: Path) -> bool:
    """Whether today's canary references a blob."""
    token = stack.registry.token(f"repository:{REPOSITORY}:pull")
    return path.parent.name in stack.registry.pull(REPOSITORY, "doctor", token).text


def test_where_anonymous_pulls_are_not_allowed_the_operator_pulls(closed: Stack) -> None:
    code, checks = closed.findings("--post-deploy")
    assert code == 0
    assert "the operator pulled it" in checks["pull"]["detail"]
    assert "no anonymous pulls" in checks["pull"]["detail"]


def test_a_registry_more_open_than_its_settings_is_found(tmp_path: Path) -> None:
    pushes = Access(repositories="regops/**", actions=("pull", "push"))
    with stack_with(tmp_path / "pushes", (pushes,), told=(PULL_ALL,)) as stack:
        code, detail = stack.failed("closed")
        assert (code, detail.split(":")[0]) == (1, "anyone can push without signing in")
        write_rights(stack.root / RIGHTS_FILE, anonymous=(pushes,))
        assert stack.findings()[1]["closed"]["detail"] == "the settings let anyone push"
    with stack_with(tmp_path / "pulls", (PULL_ALL,), told=()) as stack:
        code, detail = stack.failed("pull")
        assert code == 1
        assert "the settings allow no anonymous pulls" in detail


def test_a_registry_more_closed_than_its_settings_is_found(tmp_path: Path) -> None:
    with stack_with(tmp_path, (), told=(PULL_ALL,)) as stack:
        code, detail = stack.failed("pull")
    assert code == 1
    assert "401" in detail


@pytest.mark.parametrize(
    "url", ["registry.example.com", "ftp://a", "https://admin:secret@a", "https://a/v2", "https://a:x", "https://"]
)
def test_an_invalid_address_is_wrong_use(stack: Stack, url: str) -> None:
    assert stack.doctor(url=url).returncode == 2


def test_the_canary_is_an_image_that_docker_pulls(stack: Stack) -> None:
    stack.doctor()
    image = f"127.0.0.1:{stack.caddy.ports.plain}/{REPOSITORY}"
    with contextlib.closing(docker.DockerClient(base_url=ensure_docker())) as engine:
        pulled = engine.images.pull(image, tag="doctor")
        engine.images.remove(f"{image}:doctor")
    assert pulled.attrs["Os"] == "linux"
