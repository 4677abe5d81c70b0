"""The rendered config.yml in a real registry: it starts, understands every key, and uses its cache."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from ops.core.process import CommandError, run
from ops.credentials.keys import load_signing_key, public_jwks, signing_key_from_seed
from ops.gateway.scope import parse as scopes
from ops.gateway.tokens import TokenIssuer
from stack_components.cache.config import redis_conf, users_acl
from stack_components.registry.component import config
from stack_components.registry.config import Filesystem, RegistryConfig, render
from tests.free_ports import free_port
from tests.ops.gateway.gateway_rig import wait_until_up
from tests.ops.gateway.registry_rig import EMPTY, MANIFEST_TYPE, Registry
from tests.plans import plan_of
from tests.real_programs import RedisServer, redis_server, registry_binary

pytestmark = pytest.mark.system

PASSWORD = "password-of-the-cache"
_NONSENSE = {"nonsense": ["for every key"]}
# A refusal takes milliseconds.
_REFUSED_S = 5.0
Way = tuple[str | int, ...]
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


def typical() -> RegistryConfig:
    """The configuration of a stack."""
    return config(plan_of(), http_secret="http-secret", cache_password=PASSWORD)


def on_this_machine(folder: Path, cache: str) -> RegistryConfig:
    """The configuration of a stack, with the addresses and paths of this test."""
    stack = typical()
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
    with redis_server(tmp_path_factory.mktemp("redis"), redis_conf(memory_mib=64), users_acl(PASSWORD)) as server:
        yield server


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("registry"), f"{redis.host}:{redis.port}") as registry:
        yield registry


def leaves(value: Any, above: Way = ()) -> Iterator[Way]:
    """The way to every value of a document; lists of texts are one value."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from leaves(item, (*above, key))
    elif isinstance(value, list) and isinstance(value[0], Mapping):
        for index, item in enumerate(value):
            yield from leaves(item, (*above, index))
    else:
        yield above


def put(document: Any, value: Any, *way: str | int) -> None:
    """Put a value into a document, with the blocks above it where they are missing."""
    for key in way[:-1]:
        document = document[key] if isinstance(key, int) else document.setdefault(key, {})
    document[way[-1]] = value


def test_the_registry_answers_its_healthcheck_and_asks_others_for_a_token(started: Running) -> None:
    assert started.registry.request("GET", "/").status_code == 200
    assert started.registry.request("GET", "/v2/").status_code == 401
    assert started.registry.request("GET", "/v2/", started.token("repository:a/b:pull")).status_code == 200
    assert httpx.get(f"{started.debug_url}/debug/health").status_code == 200
    assert "registry_" in httpx.get(f"{started.debug_url}/metrics").text


@pytest.fixture
def document(tmp_path: Path) -> Any:
    """A configuration with which the registry starts, as the other tests show, for a test to change."""
    (tmp_path / "jwks.json").write_text(public_jwks(KEY))
    return yaml.safe_load(render(on_this_machine(tmp_path, f"127.0.0.1:{free_port()}")))


def refusal(document: Any, folder: Path) -> str:
    """Return why the registry does not start with a configuration. That it does ends the test."""
    (folder / "config.yml").write_text(yaml.safe_dump(document))
    try:
        environment = {"OTEL_TRACES_EXPORTER": "none"}
        return run([registry_binary(), "serve", folder / "config.yml"], timeout=_REFUSED_S, env=environment, check=False).stderr
    except CommandError:
        pytest.fail("the registry starts all the same: it does not look there")


# The registry takes anything for these. That it reads them is seen by what it does, in the test that is named.
_TAKES_ANYTHING = {
    ("log", "fields", "service"),  # …_the_log_is_json_…
    ("storage", "filesystem", "rootdirectory"),  # …_does_what_its_configuration_says
    ("storage", "delete", "enabled"),  # …_does_what_its_configuration_says
    ("storage", "cache", "blobdescriptor"),  # …_keeps_what_it_knows_in_its_cache
    ("storage", "maintenance", "uploadpurging", "enabled"),  # …_purging_can_be_switched_off
}
_EVERY_KEY = list(leaves(typical().model_dump(mode="json")))


@pytest.mark.parametrize(
    "way", [way for way in _EVERY_KEY if way not in _TAKES_ANYTHING], ids=lambda way: ".".join(map(str, way))
)
def test_the_registry_reads_every_key_at_its_place(way: Way, document: Any, tmp_path: Path) -> None:
    # It ignores keys that it does not know, and shows what it has read nowhere. But it refuses nonsense where it looks.
    put(document, _NONSENSE, *way)
    assert re.search("cannot unmarshal|panic: ", refusal(document, tmp_path))


def test_the_registry_ignores_keys_that_it_does_not_know(document: Any, tmp_path: Path) -> None:
    # What the test above rests on: all of this is ignored, and the one complaint is about a key that the registry knows.
    for way in [("cache", "blobdescriptor"), ("debug", "addr"), ("http", "draintimeouts"), ("redis", "pool", "size")]:
        put(document, _NONSENSE, *way)
    put(document, _NONSENSE, "storage", "redirect", "disable")
    assert "invalid type for redirect config" in refusal(document, tmp_path)


def test_purging_can_be_switched_off(document: Any, tmp_path: Path) -> None:
    put(document, _NONSENSE, "storage", "redirect", "disable")
    put(document, _NONSENSE, "storage", "maintenance", "uploadpurging", "age")
    assert "age is not a string" in refusal(document, tmp_path)
    put(document, False, "storage", "maintenance", "uploadpurging", "enabled")
    assert "invalid type for redirect config" in refusal(document, tmp_path)  # the age does not matter any more


def test_the_registry_does_what_its_configuration_says(started: Running) -> None:
    token = started.token("repository:said/done:pull,push,delete")
    upload = started.registry.request("POST", "/v2/said/done/blobs/uploads/", token)
    assert upload.headers["Location"].startswith("/v2/said/done/")
    assert upload.headers["X-Content-Type-Options"] == "nosniff"
    pushed = started.registry.push("said/done", "v1", token)
    path = f"/v2/said/done/manifests/{pushed.headers['Docker-Content-Digest']}"
    assert started.registry.request("DELETE", path, token).status_code == 202
    assert (started.log.parent / "data" / "docker" / "registry").is_dir()


FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
NONDISTRIBUTABLE = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"


def put_manifest(started: Running, reference: str, document: Mapping[str, Any]) -> httpx.Response:
    """Push a manifest to `windows/app`."""
    token = started.token("repository:windows/app:pull,push")
    headers = {"Content-Type": str(document["mediaType"])}
    path = f"/v2/windows/app/manifests/{reference}"
    return started.registry.request("PUT", path, token, content=json.dumps(document), headers=headers)


def windows_image(layer_type: str, url: str) -> Mapping[str, Any]:
    """A manifest whose base layer is at a URL, and not here."""
    kind, config = (DOCKER_MANIFEST, "application/vnd.docker.container.image.v1+json")
    if layer_type == NONDISTRIBUTABLE:
        kind, config = MANIFEST_TYPE, "application/vnd.oci.image.config.v1+json"
    layer = {"mediaType": layer_type, "digest": f"sha256:{'5e' * 32}", "size": 103_153_235, "urls": [url]}
    blob = {"mediaType": config, "digest": EMPTY, "size": 2}
    return {"schemaVersion": 2, "mediaType": kind, "config": blob, "layers": [layer]}


@pytest.mark.parametrize("layer_type", [FOREIGN, NONDISTRIBUTABLE])
@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("https://mcr.microsoft.com/v2/windows/nanoserver/blobs/sha256:5e", True),
        ("https://go.microsoft.com/fwlink/?linkid=873595", True),
        ("https://mcr.microsoft.com.example.com/layer", False),
        ("https://example.com/https://mcr.microsoft.com/layer", False),
    ],
)
def test_windows_layers_may_be_at_microsofts_hosts_only(started: Running, layer_type: str, url: str, *, taken: bool) -> None:
    assert started.registry.push("windows/app", "linux", started.token("repository:windows/app:pull,push")).status_code == 201
    document = windows_image(layer_type, url)
    answer = put_manifest(started, "windows", document)
    assert (answer.status_code == 201) is taken, answer.text
    if taken and layer_type == FOREIGN:
        entry = {
            "mediaType": DOCKER_MANIFEST,
            "digest": answer.headers["Docker-Content-Digest"],
            "size": len(json.dumps(document)),
        }
        platform = {"platform": {"os": "windows", "architecture": "amd64"}}
        both = {"schemaVersion": 2, "mediaType": DOCKER_LIST, "manifests": [{**entry, **platform}]}
        assert put_manifest(started, "1.20", both).status_code == 201


def test_events_go_to_the_edge_without_blobs_and_pulls_and_the_debug_port_shows_no_secret(started: Running) -> None:
    text = httpx.get(f"{started.debug_url}/debug/vars").text  # no JSON: its entry for Redis is empty
    found, _ = json.JSONDecoder().raw_decode(text, text.index('[{"name":"gateway"'))
    (endpoint,) = found
    assert endpoint["url"] == started.config.notifications.endpoints[0].url
    assert endpoint["Headers"] is None
    assert [secret for secret in ("http-secret", PASSWORD, "Bearer") if secret in text] == []
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
    assert [secret for secret in ("http-secret", PASSWORD, "redis", "NOPERM") if secret in text] == []


def test_the_registry_works_without_its_cache(tmp_path: Path) -> None:
    with running(tmp_path, f"127.0.0.1:{free_port()}") as alone:
        token = alone.token("repository:team/app:pull,push")
        assert alone.registry.push("team/app", "v1", token).status_code == 201
        assert alone.registry.pull("team/app", "v1", token).status_code == 200
