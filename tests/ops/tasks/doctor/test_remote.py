"""`regops doctor NAME`: a registry seen from a machine without a stack, against a real edge, gateway and registry."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from urllib3 import HTTPHeaderDict

from infra.paths import PROJECT_FOLDER
from ops.config import READ_ONLY_FILE, READ_ONLY_FOLDER
from ops.core.process import Completed, run
from ops.registry.canary import REPOSITORY, make_canary
from ops.registry.client import Login, RegistryClient
from ops.registry.transport import Answer, Endpoint
from ops.tasks.doctor.checks import reachability
from tests.free_ports import free_port
from tests.ops.command_line import regops
from tests.ops.gateway.gateway_rig import PASSWORDS, PULL_ALL
from tests.ops.tasks.doctor.doctor_rig import Stack, stack_with
from tests.stack_components.edge.caddy import serving

pytestmark = pytest.mark.system

LOOK = ["name", "edge", "certificate", "clock", "answers", "pull"]
PUSH = ["name", "edge", "certificate", "clock", "answers", "login", "push", "closed", "pull", "cleanup"]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with stack_with(tmp_path_factory.mktemp("stack"), (PULL_ALL,)) as stack:
        yield stack


def doctor(name: str, *words: str | Path, password: str | None = None) -> Completed:
    """Run the doctor without a stack."""
    environment = {key: value for key, value in os.environ.items() if key != "REGOPS_ROOT"}
    return regops(None, "doctor", name, *words, environment=environment, stdin=password)


def findings(name: str, *words: str | Path, password: str | None = None) -> tuple[int, dict[str, dict[str, Any]]]:
    """Return the exit code and the findings by check; every failed one has a remedy."""
    done = doctor(name, *words, "--json", password=password)
    assert done.stdout, done.stderr
    document = json.loads(done.stdout)
    assert document["exit_code"] == done.returncode
    assert all(check["remedy"] for check in document["checks"] if check["state"] in {"failed", "warning"})
    return done.returncode, {check["name"]: check for check in document["checks"]}


def of(stack: Stack, *words: str | Path, password: str | None = None) -> tuple[int, dict[str, dict[str, Any]]]:
    return findings(stack.url.removeprefix("https://"), "--ca", stack.authority, *words, password=password)


def test_a_healthy_registry_is_reported_as_healthy_to_anyone(stack: Stack) -> None:
    assert stack.doctor().returncode == 0
    done = doctor(stack.url, "--ca", stack.authority)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [["ok", f"{name}:"] for name in LOOK]
    assert f"anyone can pull {REPOSITORY}:doctor" in done.stdout


def test_a_changed_canary_is_found(stack: Stack) -> None:
    assert stack.doctor().returncode == 0
    blobs = stack.folder / "registry/docker/registry/v2/blobs/sha256"
    kept = {path: path.read_bytes() for path in blobs.rglob("data") if b'"rootfs"' in path.read_bytes()}
    try:
        for path, content in kept.items():
            path.write_bytes(content.replace(b"linux", b"LINUX"))
        code, checks = of(stack)
    finally:
        for path, content in kept.items():
            path.write_bytes(content)
    assert (code, checks["pull"]["state"]) == (12, "failed")


def test_an_account_pushes_and_pulls_with_a_password_from_standard_input(stack: Stack) -> None:
    code, checks = of(stack, "--user", "admin", password=f"{PASSWORDS['admin']}\n")
    assert code == 0
    assert list(checks) == PUSH
    assert checks["login"]["detail"] == "admin signed in"
    assert checks["push"]["detail"].startswith(f"admin pushed {REPOSITORY}:client-")
    assert "anyone can pull it" in checks["pull"]["detail"]
    tags = [tag for tag in stack.tags() if tag.startswith("client-")]
    assert of(stack, "--user", "admin", password=PASSWORDS["admin"])[0] == 0
    assert [tag for tag in stack.tags() if tag.startswith("client-")] == tags


def test_a_wrong_password_is_reported_and_is_in_no_output(stack: Stack) -> None:
    done = doctor(stack.url, "--ca", stack.authority, "--user", "admin", password="a-wrong-one\n")
    assert done.returncode == 1
    assert "failed   login: " in done.stderr
    assert "check name and password" in done.stderr
    assert "a-wrong-one" not in done.stdout + done.stderr + " ".join(done.argv)


def test_an_account_without_push_rights_is_told_what_it_needs(stack: Stack) -> None:
    code, checks = of(stack, "--user", "robot", password=PASSWORDS["robot"])
    assert code == 1
    assert (checks["login"]["state"], checks["push"]["state"]) == ("ok", "failed")
    assert f"needs `pull` and `push` for {REPOSITORY}" in checks["push"]["remedy"]


def test_writes_that_are_refused_for_a_while_are_told_to_be(stack: Stack) -> None:
    read_only = stack.folder / READ_ONLY_FOLDER / READ_ONLY_FILE
    read_only.touch()
    try:
        code, checks = of(stack, "--user", "admin", password=PASSWORDS["admin"])
    finally:
        read_only.unlink()
    assert (code, checks["push"]["state"]) == (75, "failed")
    assert "try again in a few minutes" in checks["push"]["remedy"]


def test_where_anonymous_pulls_are_not_allowed_an_account_pulls(tmp_path: Path) -> None:
    with stack_with(tmp_path, ()) as closed:
        code, checks = of(closed)
        assert (code, checks["pull"]["state"]) == (0, "skipped")
        assert "--user NAME" in checks["pull"]["detail"]
        code, checks = of(closed, "--user", "admin", password=PASSWORDS["admin"])
        assert code == 0
        assert checks["pull"]["detail"].startswith("admin pulled it")


def test_a_missing_canary_is_reported_and_another_image_is_not_mistaken_for_one(tmp_path: Path) -> None:
    with stack_with(tmp_path, (PULL_ALL,)) as stack:
        code, checks = of(stack)
        assert (code, checks["pull"]["state"]) == (0, "skipped")
        assert "there is no" in checks["pull"]["detail"]
        client = RegistryClient(Endpoint(stack.url, stack.authority), Login("admin", PASSWORDS["admin"]))
        canary = make_canary("somebody's")
        for blob in canary.blobs:
            client.push_blob(REPOSITORY, blob)
        manifest = json.loads(canary.manifest)
        manifest["layers"][0]["size"] = 2**40
        client.push_manifest(REPOSITORY, "doctor", json.dumps(manifest).encode())
        code, checks = of(stack)
    assert (code, checks["pull"]["state"]) == (1, "failed")
    assert "is not a canary" in checks["pull"]["detail"]


def test_an_unknown_name_is_reported_and_nothing_else_is_tried() -> None:
    code, checks = findings("registry.invalid")
    assert (code, checks["name"]["state"]) == (13, "failed")
    assert "DNS" in checks["name"]["remedy"]
    assert checks["edge"]["detail"] == "not tried"


def test_a_name_with_a_given_address_is_not_looked_up(stack: Stack) -> None:
    code, checks = of(stack, "--resolve", "localhost:127.0.0.1")
    assert (code, checks["name"]["state"]) == (0, "skipped")


def test_a_registry_that_does_not_answer_may_have_banned_this_machine() -> None:
    code, checks = findings(f"https://localhost:{free_port()}")
    assert (code, checks["edge"]["state"]) == (13, "failed")
    assert "Connection refused" in checks["edge"]["detail"]
    assert "regops who-is-banned" in checks["edge"]["remedy"]
    assert checks["answers"]["detail"] == "not tried"


def test_a_certificate_of_an_unknown_ca_is_reported(stack: Stack) -> None:
    code, checks = findings(stack.url)
    assert code == 13
    assert "its certificate is not trusted" in checks["edge"]["detail"]
    assert "--ca" in checks["edge"]["remedy"]


@contextlib.contextmanager
def stand_in_for_an_edge(status: int) -> Iterator[str]:
    """A stand-in for an edge that has banned everybody, or that has no registry behind it."""

    class Refuse(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(status)

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    with serving(Refuse) as server:
        yield f"http://127.0.0.1:{server.server_address[1]}"


def test_a_banned_machine_is_told_where_to_look() -> None:
    with stand_in_for_an_edge(403) as url:
        code, checks = findings(url)
    assert (code, checks["edge"]["state"]) == (1, "failed")
    assert "refuses this machine" in checks["edge"]["detail"]
    assert "regops who-is-banned" in checks["edge"]["remedy"]
    assert checks["answers"]["detail"] == "not tried"


def test_a_server_that_is_not_a_registry_is_reported() -> None:
    with stand_in_for_an_edge(404) as url:
        code, checks = findings(url)
    assert (code, checks["answers"]["state"]) == (1, "failed")
    assert "is that the name of a registry?" in checks["answers"]["remedy"]


def answer_of(date: str | None) -> Answer:
    return Answer("GET /v2/", 401, HTTPHeaderDict({"Date": date} if date else {}), b"")


@pytest.mark.parametrize(
    ("ahead_s", "state", "which"),
    [(0, "ok", ""), (29, "ok", ""), (31, "warning", "31 s ahead of"), (-3600, "warning", "3600 s behind")],
)
def test_clock_skew_is_reported_with_its_direction(ahead_s: int, state: str, which: str) -> None:
    now = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC)
    check = reachability.clocks(answer_of(format_datetime(now - timedelta(seconds=ahead_s), usegmt=True)), now)
    assert check.state == state
    assert which in check.detail


@pytest.mark.parametrize("date", [None, "soon"])
def test_a_server_that_does_not_report_its_time_is_skipped(date: str | None) -> None:
    assert reachability.clocks(answer_of(date), datetime.now(UTC)).state == "skipped"


def test_a_real_edge_reports_its_time(stack: Stack) -> None:
    answer = reachability.edge(Endpoint(stack.url, stack.authority))[1]
    assert answer is not None
    assert reachability.clocks(answer, datetime.now(UTC)).state == "ok"
    assert reachability.clocks(answer, datetime.now(UTC) + timedelta(minutes=2)).state == "warning"


@pytest.mark.parametrize(
    ("host", "state"),
    [("localhost", "ok"), ("127.0.0.1", "ok"), ("9.9.9.9", "ok"), ("10.0.0.7", "warning"), ("a" * 70, "failed")],
)
def test_private_addresses_are_a_warning(host: str, state: str) -> None:
    assert reachability.name(Endpoint(f"https://{host}")).state == state


@pytest.mark.parametrize(
    "words",
    [
        ["registry.example.com", "--url", "https://registry.example.com"],
        ["registry.example.com", "--post-deploy"],
        ["registry.example.com/v2"],
        ["admin:secret@registry.example.com"],
        ["ftp://registry.example.com"],
        ["registry.example.com", "--user", "admin"],  # no password comes
    ],
)
def test_wrong_use_ends_with_2(words: list[str]) -> None:
    assert doctor(*words).returncode == 2


def test_without_a_name_a_stack_is_needed() -> None:
    environment = {key: value for key, value in os.environ.items() if key != "REGOPS_ROOT"}
    for words in (["doctor"], ["status"], ["history"]):
        told = run([sys.executable, "-m", "ops.cli", *words], timeout=30, cwd=PROJECT_FOLDER, check=False, env=environment)
        assert told.returncode == 2
        assert "--root" in told.stderr
        assert "REGOPS_ROOT" in told.stderr
