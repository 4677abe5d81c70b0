"""The rendered config.yml in a real registry: it starts, understands every key, and uses its cache."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.settings import parse
from ops.gateway.scope import parse as scopes
from ops.gateway.tokens import TokenIssuer
from ops.keys import load_signing_key, public_jwks, signing_key_from_seed
from stack_components.cache.config import redis_conf, users_acl
from stack_components.registry.component import config
from stack_components.registry.config import Filesystem, RegistryConfig, render
from tests.ops.gateway.registry import EMPTY, Registry
from tests.ops.gateway.support import free_port, wait_until_up
from tests.programs import RedisServer, redis_server, registry_binary

pytestmark = pytest.mark.system

PASSWORD = "password-of-the-cache"
KEY = signing_key_from_seed("a seed of the tests, long enough to be one")


@dataclass(frozen=True)
class Running:
    """A registry, its debug port and its log."""

    registry: Registry
    debug_url: str
    log: Path
    config: RegistryConfig

    def token(self, scope: str) -> str:
        """Return a token as the gateway makes it."""
        agreed = self.config.auth.token
        issuer = TokenIssuer(load_signing_key(KEY), agreed.issuer, agreed.service, lifetime_s=300)
        return str(issuer.issue("admin", scopes([scope]))["token"])


def on_this_machine(folder: Path, cache: str) -> RegistryConfig:
    """The configuration of a stack, with the addresses and paths of this test."""
    stack = config(parse({}, stack="test"), http_secret="http-secret", cache_password=PASSWORD, events_token="events-token")
    (endpoint,) = stack.notifications.endpoints
    debug = stack.http.debug.model_copy(update={"addr": f"127.0.0.1:{free_port()}"})
    return stack.model_copy(
        update={
            "storage": stack.storage.model_copy(update={"filesystem": Filesystem(rootdirectory=str(folder / "data"))}),
            "http": stack.http.model_copy(update={"addr": f"127.0.0.1:{free_port()}", "debug": debug}),
            "redis": stack.redis.model_copy(update={"addrs": [cache]}),
            "auth": stack.auth.model_copy(
                update={"token": stack.auth.token.model_copy(update={"jwks": str(folder / "jwks.json")})}
            ),
            "notifications": stack.notifications.model_copy(
                update={"endpoints": [endpoint.model_copy(update={"url": f"http://127.0.0.1:{free_port()}/events"})]}
            ),
        }
    )


@contextlib.contextmanager
def running(folder: Path, cache: str) -> Iterator[Running]:
    made = on_this_machine(folder, cache)
    (folder / "jwks.json").write_text(public_jwks(KEY))
    (folder / "config.yml").write_text(render(made))
    argv = [str(registry_binary()), "serve", str(folder / "config.yml")]
    environment = {"PATH": os.environ["PATH"], "OTEL_TRACES_EXPORTER": "none"}
    log = folder / "registry.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output) as process,
    ):
        try:
            url = f"http://{made.http.addr}"
            wait_until_up(f"{url}/", process)
            yield Running(Registry(url, ""), f"http://{made.http.debug.addr}", log, made)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis"), redis_conf(memory_mb=64), users_acl(PASSWORD)) as server:
        yield server


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("registry"), f"{redis.host}:{redis.port}") as registry:
        yield registry


def keys(value: Any) -> Iterator[str]:
    """Every key of a document."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield key
            yield from keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from keys(item)


def test_the_registry_answers_its_healthcheck_and_asks_others_for_a_token(started: Running) -> None:
    assert started.registry.request("GET", "/").status_code == 200
    assert started.registry.request("GET", "/v2/").status_code == 401
    assert started.registry.request("GET", "/v2/", started.token("repository:a/b:pull")).status_code == 200
    assert httpx.get(f"{started.debug_url}/debug/health").status_code == 200
    assert "registry_" in httpx.get(f"{started.debug_url}/metrics").text


def test_the_registry_has_heard_of_every_key(started: Running) -> None:
    # It ignores keys that it does not know. Those of structures are tags in the program, the others texts or names of fields.
    program = registry_binary().read_bytes()
    tags = program.lower()
    document = started.config.model_dump(mode="json")
    named_by_us = {"Authorization", "X-Content-Type-Options", "service"}
    for block in ("log", "http", "notifications", "health"):
        assert [key for key in keys(document[block]) if f'yaml:"{key}'.encode() not in program and key not in named_by_us] == []
    assert [key for key in keys(document) if key.lower().encode() not in tags] == []


def test_the_registry_does_what_its_configuration_says(started: Running) -> None:
    token = started.token("repository:said/done:pull,push,delete")
    upload = started.registry.request("POST", "/v2/said/done/blobs/uploads/", token)
    assert upload.headers["Location"].startswith("/v2/said/done/")
    assert upload.headers["X-Content-Type-Options"] == "nosniff"
    pushed = started.registry.push("said/done", "v1", token)
    path = f"/v2/said/done/manifests/{pushed.headers['Docker-Content-Digest']}"
    assert started.registry.request("DELETE", path, token).status_code == 202
    assert (started.log.parent / "data" / "docker" / "registry").is_dir()


def test_events_go_to_the_gateway_with_the_token_and_without_blobs_and_pulls(started: Running) -> None:
    text = httpx.get(f"{started.debug_url}/debug/vars").text  # no JSON: its entry for Redis is empty
    found, _ = json.JSONDecoder().raw_decode(text, text.index('[{"name":"gateway"'))
    (endpoint,) = found
    assert endpoint["url"] == started.config.notifications.endpoints[0].url
    assert endpoint["Headers"] == {"Authorization": ["Bearer events-token"]}
    assert (endpoint["Timeout"], endpoint["Threshold"], endpoint["Backoff"]) == (3 * 10**9, 5, 10 * 10**9)
    assert endpoint["Ignore"] == {"MediaTypes": ["application/octet-stream"], "Actions": ["pull"]}


def test_the_registry_keeps_what_it_knows_in_its_cache(started: Running, redis: RedisServer) -> None:
    token = started.token("repository:team/app:pull,push")
    assert started.registry.push("team/app", "v1", token).status_code == 201
    assert started.registry.request("GET", f"/v2/team/app/blobs/{EMPTY}", token).content == b"{}"
    assert redis.ask("HGET", f"blobs::{EMPTY}", "size", user=("registry", PASSWORD)) == "$1\r\n2\r\n"


def test_the_log_is_json_and_holds_no_secret_and_no_complaint_about_the_cache(started: Running) -> None:
    assert started.registry.request("GET", "/v2/").status_code == 401
    lines = started.log.read_text().splitlines()
    assert "registry" in {json.loads(line).get("service") for line in lines}
    text = "\n".join(lines)
    assert [secret for secret in ("http-secret", PASSWORD, "events-token", "redis", "NOPERM") if secret in text] == []


def test_the_registry_works_without_its_cache(tmp_path: Path) -> None:
    with running(tmp_path, f"127.0.0.1:{free_port()}") as alone:
        token = alone.token("repository:team/app:pull,push")
        assert alone.registry.push("team/app", "v1", token).status_code == 201
        assert alone.registry.pull("team/app", "v1", token).status_code == 200
