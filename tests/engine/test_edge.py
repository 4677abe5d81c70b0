"""The edge: its routes, read-only mode, TLS, the access log, and an event's way to the gateway."""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import json
import secrets
import socket
import sqlite3
import ssl
import time
from collections.abc import Callable
from typing import Any

import httpx
import psutil
import pytest

from ops.config import READ_ONLY_FILE, READ_ONLY_FOLDER
from tests.engine.client import client
from tests.engine.stacks import TestStack

PATIENCE_S = 20


def eventually(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


def token(outputs: dict[str, Any], scope: str) -> str:
    query = {"service": outputs["registry"], "scope": scope}
    answer = httpx.get(
        f"{outputs['registry_url']}/auth/token", params=query, auth=(outputs["registry_user"], outputs["registry_pass"])
    )
    return str(answer.raise_for_status().json()["token"])


@pytest.mark.parametrize(("path", "status"), [("/v2/", 401), ("/healthz", 200), ("/", 200), ("/events", 404), ("/metrics", 404)])
def test_only_the_known_routes_are_open(outputs: dict[str, Any], path: str, status: int) -> None:
    assert httpx.get(outputs["registry_url"] + path).status_code == status


@pytest.mark.parametrize("url", ["registry_url", "registry_url_tls"])
def test_the_challenge_names_the_address_that_was_asked(outputs: dict[str, Any], url: str) -> None:
    context = ssl.create_default_context(cafile=outputs["registry_ca"])
    challenge = httpx.get(outputs[url] + "/v2/", verify=context).headers["WWW-Authenticate"]
    assert f'realm="{outputs[url]}/auth/token"' in challenge


def test_a_proxy_on_this_host_tells_who_the_client_is(living: TestStack, outputs: dict[str, Any]) -> None:
    path = "/v2/told/by/a/proxy/manifests/1"
    told = {"Host": "registry.example.com", "X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.6, 203.0.113.9"}
    challenge = httpx.get(outputs["registry_url"] + path, headers=told).headers["WWW-Authenticate"]
    assert 'realm="https://registry.example.com/auth/token"' in challenge
    log = living.root / "logs" / "edge" / "access.log"
    assert eventually(lambda: path in log.read_text())
    (entry,) = [json.loads(line) for line in log.read_text().splitlines() if path in line]
    assert entry["request"]["client_ip"] == "203.0.113.9"
    # Anybody may be at the port with TLS.
    context = ssl.create_default_context(cafile=outputs["registry_ca"])
    told = {"X-Forwarded-Proto": "http", "X-Forwarded-For": "203.0.113.9"}
    challenge = httpx.get(f"{outputs['registry_url_tls']}{path}", headers=told, verify=context).headers["WWW-Authenticate"]
    assert f'realm="{outputs["registry_url_tls"]}/auth/token"' in challenge


def test_the_host_has_no_way_to_ports_that_are_not_published(living: TestStack) -> None:
    own = {
        ipaddress.ip_address(one.address)
        for found in psutil.net_if_addrs().values()
        for one in found
        if one.family == socket.AF_INET
    }
    for name in living.networks():
        subnets = [ipaddress.ip_network(one["Subnet"]) for one in client().networks.get(name).attrs["IPAM"]["Config"]]
        has_way = any(address in subnet for address in own for subnet in subnets)
        assert has_way is name.endswith("-edge"), name
    # What answers for such addresses, if anything, is not the gateway.
    with contextlib.suppress(httpx.TransportError):
        assert "ok" not in httpx.get(f"http://{living.address('gateway', 'app')}:8080/healthz", timeout=1).text


def test_the_catalog_is_for_those_who_may(outputs: dict[str, Any]) -> None:
    url = f"{outputs['registry_url']}/v2/_catalog"
    assert httpx.get(url).status_code == 401
    headers = {"Authorization": f"Bearer {token(outputs, 'registry:catalog:*')}"}
    assert httpx.get(url, headers=headers).status_code == 200


def test_read_only_mode_refuses_writes_and_lets_reads_through(living: TestStack, outputs: dict[str, Any]) -> None:
    upload = f"{outputs['registry_url']}/v2/read-only/test/blobs/uploads/"
    headers = {"Authorization": f"Bearer {token(outputs, 'repository:read-only/test:pull,push')}"}
    read_only = living.root / READ_ONLY_FOLDER / READ_ONLY_FILE
    assert httpx.post(upload, headers=headers).status_code == 202
    read_only.write_text("we move house")
    try:
        refused = httpx.post(upload, headers=headers)
        read = httpx.get(f"{outputs['registry_url']}/v2/", headers=headers)
    finally:
        read_only.unlink()
    assert refused.status_code == 405
    (error,) = refused.json()["errors"]
    assert (error["code"], error["message"]) == ("DENIED", "this registry is read-only: we move house")
    assert read.status_code == 200
    assert httpx.post(upload, headers=headers).status_code == 202


def test_an_upload_that_was_cut_off_goes_on_where_it_was(outputs: dict[str, Any]) -> None:
    content = secrets.token_bytes(300_000)
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    headers = {"Authorization": f"Bearer {token(outputs, 'repository:cut/off:pull,push')}"}
    with httpx.Client(headers=headers, base_url=outputs["registry_url"]) as client:
        place = client.post("/v2/cut/off/blobs/uploads/").headers["Location"]
        begin = f"PATCH {place} HTTP/1.1\r\nHost: {outputs['registry']}\r\nContent-Length: {len(content)}\r\n"
        host, _, port = outputs["registry"].partition(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(f"{begin}Authorization: {headers['Authorization']}\r\n\r\n".encode() + content[:100_000])
        # The registry notices in its own time that no more comes.
        assert eventually(lambda: client.get(place).headers["Range"] == "0-99999"), client.get(place).headers
        place = client.get(place).headers["Location"]
        rest = client.patch(place, content=content[100_000:], headers={"Content-Range": "100000-299999"})
        assert rest.status_code == 202, rest.text
        done = client.put(httpx.URL(rest.headers["Location"]).copy_merge_params({"digest": digest}))
        assert done.status_code == 201, done.text
        assert client.get(f"/v2/cut/off/blobs/{digest}").content == content


def test_requests_are_logged_as_json(living: TestStack, outputs: dict[str, Any]) -> None:
    path = "/v2/logged/by/the/edge/manifests/1"
    httpx.get(outputs["registry_url"] + path)
    log = living.root / "logs" / "edge" / "access.log"
    assert eventually(lambda: path in log.read_text())
    entry = next(json.loads(line) for line in log.read_text().splitlines() if path in line)
    assert entry["request"]["method"] == "GET"
    assert entry["status"] == 401
    assert log.stat().st_mode & 0o777 == 0o640


def test_a_pushed_manifest_reaches_the_gateway_as_an_event(living: TestStack, outputs: dict[str, Any]) -> None:
    headers = {"Authorization": f"Bearer {token(outputs, 'repository:event/test:pull,push')}"}
    base = f"{outputs['registry_url']}/v2/event/test"
    media_type = "application/vnd.oci.image.index.v1+json"
    index = {"schemaVersion": 2, "mediaType": media_type, "manifests": []}
    with httpx.Client(headers=headers) as client:
        put = client.put(f"{base}/manifests/1", content=json.dumps(index), headers={"Content-Type": media_type})
    assert put.status_code == 201, put.text
    database = living.root / "data" / "gateway" / "events.db"

    def stored() -> bool:
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
            rows = connection.execute("SELECT action, repository, tag, actor FROM events").fetchall()
        connection.close()
        return ("push", "event/test", "1", outputs["registry_user"]) in rows

    assert eventually(stored)


def test_the_registry_uses_its_cache(living: TestStack, outputs: dict[str, Any]) -> None:
    registry = living.containers()["registry"]

    def counted(name: str) -> float:
        metrics = registry.exec_run(["wget", "-q", "-O", "-", "http://127.0.0.1:5001/metrics"]).output.decode(errors="replace")
        return sum(float(line.split()[-1]) for line in metrics.splitlines() if line.startswith(f"registry_storage_cache_{name}"))

    headers = {"Authorization": f"Bearer {token(outputs, 'repository:cache/test:pull,push')}"}
    blobs = "/v2/cache/test/blobs"
    content = secrets.token_bytes(1024)
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    with httpx.Client(headers=headers, base_url=outputs["registry_url"]) as client:
        location = httpx.URL(client.post(f"{blobs}/uploads/").headers["Location"]).copy_merge_params({"digest": digest})
        assert client.put(location, content=content).status_code == 201
        before = counted("hits_total")
        assert client.head(f"{blobs}/{digest}").status_code == 200
    assert counted("hits_total") > before
    assert counted("errors_total") == 0


def test_nobody_looks_into_the_cache_without_its_password(living: TestStack) -> None:
    keys = living.containers()["cache"].exec_run(["redis-cli", "info", "keyspace"])
    assert b"NOPERM" in keys.output
