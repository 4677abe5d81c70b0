"""Files that others write, of any content: the catalogue, settings, requests of the console, indexes, the edge's access log."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.settings import Settings, SettingsError, parse
from ops.catalogue.checks import check
from ops.catalogue.document import Document
from ops.catalogue.errors import CatalogueError
from ops.catalogue.imports import imported
from ops.catalogue.model import Surroundings
from ops.config import ACCESS_LOG_FILE, ACTION_REQUESTS, MAX_NAME, REQUEST_FILE, ConfigError, Rights, load, request_folder
from ops.registry.index import IndexDamagedError, read_index
from ops.runs.requests import RequestError, take, take_action
from ops.stack.access_log import asked_for, last_pulls, pulls_of, reaches_back_to
from ops.stack.clients import ClientLog
from ops.stack.untrusted_proxies import untrusted_proxies
from tests.attackers.fuzzing import damaged, in_bounded_time, json_bodies, json_values, spoiled, texts, told
from tests.ops.catalogue.catalogue_samples import SHAPES
from tests.ops.gateway.gateway_rig import ADMIN, PULL_ALL, ROBOT
from tests.ops.runs.test_task import stack_in
from tests.plans import BACKUP, EVERYTHING

AROUND = Surroundings(frozenset({"registry.example.com"}), ("mirror/**",), {"REGISTRY": "registry.example.com"})
DIGEST = "sha256:" + "a" * 64

# A line of aliases of the line before it, nine times: ten such lines would stand for more than any memory holds.
BOMB = "a: &a [x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
YAML = st.sampled_from(
    (
        BOMB + "sync: []\n",
        BOMB + "sync:\n- *i\n- source: *i\n",
        "sync: " + "[" * 20_000,
        "sync:\n- " + "{a: " * 400 + "b" + "}" * 400,
        "a: &a {b: c}\n"
        + "".join(f"x{n}: &x{n} {{<<: *{f'x{n - 1}' if n else 'a'}}}\n" for n in range(300))
        + "sync:\n- *x299\n",
        "sync:\n" + "".join(" " * depth + "-\n" for depth in range(300)),
        "sync:\n- {source: &s [*s], target: *s}\n",
        "? [a, b]\n: c\n? {d: e}\n: f\n",
        "sync:\n- !!python/object/apply:os.system [id]\n",
        "\ufeff\ufeffversion: 1\n",
    )
)
ENTRY = {
    "source": "docker.io/library/alpine",
    "target": '{{ env "REGISTRY" }}/mirror/alpine',
    "type": "repository",
    "tags": {"allow": ["3\\.[0-9]+"], "deny": [".*-rc.*"], "semverRange": [">=3 <4"]},
    "platforms": ["linux/amd64"],
    "hooks": {"pre": {"type": "exec", "params": ["a"]}},
    "x-regops": {"keep_last": 3, "protect": ["3\\.20"], "verify": {"issuer": "https://a", "identity": "b"}, "max_size": "2GB"},
}
CATALOGUE = {"version": 1, "defaults": {"parallel": 2}, "creds": [{"registry": "docker.io", "user": "x"}], "sync": [ENTRY, ENTRY]}
samples = [text.encode() for text in SHAPES.values()]
catalogues = YAML.map(str.encode) | damaged(*samples) | json_bodies(CATALOGUE) | st.sampled_from(samples)


@given(catalogues)
def test_a_catalogue_is_read_or_said_to_be_none(content: bytes) -> None:
    with in_bounded_time():
        try:
            document = Document.of(content, Path("catalogue.yml"))
        except CatalogueError:
            return
        for problem in check(document, AROUND):
            assert problem.line >= 1
        try:
            imported(Document("version: 1\nsync: []\n"), document, AROUND)
        except CatalogueError:
            return


SECRET = "the-secret-of-this-test"
SETTINGS = {
    **EVERYTHING,
    "backup": BACKUP,
    "registry_host": "registry.example.com",
    "limits": {"registry": {"cpus": 1, "memory_mib": 512}},
    "accounts": [{"name": "robot", "access": [{"repositories": "ci/**", "actions": ["pull", "push"]}]}],
    "registry_pass": SECRET,
}
encoded = st.dictionaries(
    st.sampled_from([*Settings.model_fields, "bogus"]),
    json_bodies(*(value for value in SETTINGS.values() if isinstance(value, dict))).map(
        lambda body: body.decode("utf-8", "replace")
    ),
    max_size=5,
)


@given(spoiled(SETTINGS) | encoded | st.dictionaries(st.sampled_from([*Settings.model_fields]), json_values, max_size=4))
def test_settings_are_taken_or_every_problem_is_told(raw: object) -> None:
    if not isinstance(raw, dict):
        return
    with in_bounded_time():
        said = told(lambda: parse(raw, stack="test"), SettingsError)
    if json.dumps(raw).count(SECRET) == 1 and raw.get("registry_pass") == SECRET:  # where it belongs
        assert SECRET not in said


RIGHTS = json.loads(Rights(accounts=(ADMIN, ROBOT), anonymous=(PULL_ALL,)).model_dump_json())


@given(json_bodies(RIGHTS))
def test_a_file_that_the_program_renders_is_taken_or_every_problem_is_told(folder: Path, content: bytes) -> None:
    path = folder / "rights.json"
    path.write_bytes(content)
    with in_bounded_time():
        assert ADMIN.password_hash not in told(lambda: load(path, Rights), ConfigError)


HEAD = {"index": "private registry", "schema": 1}
REPOSITORY = {
    "repository": "team/app",
    "tags": {"v1": DIGEST},
    "histories": {"v1": [DIGEST]},
    "revisions": [DIGEST],
    "layers": [DIGEST],
    "aliases": {"sha512:" + "b" * 128: DIGEST},
}


@given(json_bodies(HEAD), json_bodies(REPOSITORY))
def test_an_index_is_read_or_said_to_be_damaged(folder: Path, head: bytes, repository: bytes) -> None:
    path = folder / "index"
    for first in (head, json.dumps(HEAD).encode()):
        path.write_bytes(first + b"\n" + repository + b"\n")
        with in_bounded_time():
            try:
                found = read_index(path)
            except IndexDamagedError:
                continue
            for name, one in found.items():
                list(one.entries(name))


@given(st.binary(max_size=800) | texts.map(lambda text: text.encode("utf-8", "replace")) | st.just(b"ann\n\x1b[2J\0" * 200))
def test_whoever_asks_for_a_task_is_a_short_line(folder: Path, content: bytes) -> None:
    stack = stack_in(folder)
    file = folder / request_folder("gc") / REQUEST_FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    with in_bounded_time():
        name = take(stack, "gc")
    assert len(name) <= MAX_NAME
    assert not name or name.isprintable()
    assert not file.exists()


ASKED: tuple[dict[str, object], ...] = (
    {"action": "delete", "repository": "team/app", "tag": "v1", "expect": DIGEST},
    {"action": "restore", "repository": "team/app", "tag": "v1", "expect": "nothing", "before": "2026-03-01T12:00:00Z"},
    {"action": "undo", "snapshot": "20260301T120000.000000Z-gc"},
    {"action": "unban", "network": "192.0.2.0/24"},
    {"action": "plan", "task": "gc"},
)
ACTIONS = [{"run": "20260301T120000-abcd", "by": "ann", "dry_run": False, "what": what} for what in ASKED]
FLAGS = {"--expect", "--overwrite", "--at", "--dry-run"}


@given(json_bodies(*ACTIONS))
def test_an_action_is_one_of_the_list_and_no_word_of_it_becomes_another_option(folder: Path, content: bytes) -> None:
    stack = stack_in(folder)
    file = folder / request_folder(ACTION_REQUESTS) / REQUEST_FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    with in_bounded_time():
        try:
            asked = take_action(stack)
        except RequestError as error:
            assert len(str(error)) < 1000 and str(error).isprintable()  # noqa: PT017, PT018  # it goes to terminals
            return
        finally:
            assert not file.exists()
    assert asked is not None
    for word in asked.words():
        assert word in FLAGS or not word.startswith("-")
        assert word.isprintable()


def logged(method: str, uri: str) -> dict[str, object]:
    request = {"remote_ip": "192.0.2.1", "client_ip": "192.0.2.1", "method": method, "uri": uri, "headers": {"Forwarded": ["x"]}}
    return {"ts": time.time() // 3600 * 3600, "request": request, "status": 200, "size": 5}


def calling_itself(agent: str) -> dict[str, object]:
    line: dict[str, Any] = logged("GET", "/v2/team/\ud800/manifests/v1")
    line["request"]["headers"] = {"User-Agent": [agent]}
    return {**line, "resp_headers": {"Content-Type": ["application/json"]}}


LINES = (
    logged("GET", f"/v2/team/app/manifests/{DIGEST}"),
    logged("HEAD", f"/v2/team/app/blobs/{DIGEST}"),
    logged("GET", "http://[/v2/a/blobs/" + "/blobs/" * 3_000),
    {**logged("POST", f"/v2/team/app/blobs/uploads/?mount={DIGEST}&from=x"), "status": 201},
    calling_itself("\x1b[2J\ud800<script>" + "a" * 30_000),
    calling_itself("docker/" * 3_000),
)


@given(st.lists(json_bodies(*LINES), max_size=4))
def test_a_line_of_the_access_log_is_read_or_left_out(folder: Path, lines: list[bytes]) -> None:
    log = folder / ACCESS_LOG_FILE
    log.write_bytes(b"\n".join(line.replace(b'": ', b'":') for line in lines) + b"\n")
    with in_bounded_time():
        asked_for(log, 3600.0)
        for pulled in last_pulls(log).values():
            assert pulled < float("inf")
        pulls_of(log)
        reaches_back_to(log)
        untrusted_proxies(log)
        for client in ClientLog(log).read().clients:
            "".join((client.name, client.family, client.address, *client.repositories)).encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzzed")
