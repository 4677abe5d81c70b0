"""Paths, methods and heads of requests that are meant to be understood differently by the edge and by what is behind it."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.attackers.everybody import OPERATOR, Everybody, everybody
from tests.ops.gateway.registry_rig import MANIFEST_TYPE

pytestmark = pytest.mark.system

# Of what nobody may read without a token: a manifest, and the tags. `{host}` is the edge's own address.
PRIVATE = (
    "/v2/private/app/manifests/v1",
    "/v2//private/app/manifests/v1",
    "//v2/private/app/manifests/v1",
    "/v2/public/../private/app/manifests/v1",
    "/v2/public/app/../../private/app/manifests/v1",
    "/v2/public/%2e%2e/private/app/manifests/v1",
    "/v2/public%2f..%2fprivate/app/manifests/v1",
    "/v2/public/..%2fprivate/app/manifests/v1",
    "/v2/public/..%5cprivate/app/manifests/v1",
    "/v2/public/.%2e/private/app/manifests/v1",
    "/v2/public/%252e%252e/private/app/manifests/v1",
    "/v2/private%2fapp/manifests/v1",
    "/v2/private/app/manifests%2fv1",
    "/v2/private/app/manifests/v1%00",
    "/v2/private/app/manifests/v1%0d%0aX: y",
    "/v2/private/app/manifests/v1/",
    "/v2/private/app/manifests/v1;a=b",
    "/v2/private/app/manifests/v1#a",
    "/v2/%70rivate/app/manifests/v1",
    "/%76%32/private/app/manifests/v1",
    "/V2/private/app/manifests/v1",
    "/v2/privat%C3%A9/app/manifests/v1",
    "/v2/\u00fcber/app/manifests/v1",
    "/v2/private/\uff0e\uff0e/private/app/manifests/v1",
    "/v2/%c0%ae%c0%ae/private/app/manifests/v1",
    "/v2/private/app/manifests/v1?/v2/public/app/manifests/v1",
    "/ui/v2/private/app/manifests/v1",
    "/ui//v2/private/app/manifests/v1",
    "/ui/v2/../v2/private/app/manifests/v1",
    "/ui/ui/v2/private/app/manifests/v1",
    "/status/../v2/private/app/manifests/v1",
    "/healthz/../v2/private/app/manifests/v1",
    "/auth/token/../../v2/private/app/manifests/v1",
    "/grafana/../v2/private/app/manifests/v1",
    "http://{host}/v2/private/app/manifests/v1",
    "http://elsewhere.example.com/v2/private/app/manifests/v1",
    "https://{host}//v2/private/app/manifests/v1",
    "HTTP://{host}/v2/public/../private/app/manifests/v1",
    "/v2/private/app/tags/list",
    "/v2/public/..%2fprivate/app/tags/list",
    "/v2/_catalog",
    "/v2/%5fcatalog",
    "/v2/public/../_catalog",
    "*",
    "",
)
# Of what is the operator's, of what only services may ask, and of what nobody may.
PAGES = (
    "/grafana/",
    "//grafana/",
    "/grafana/../grafana/",
    "/%67rafana/",
    "/GRAFANA/",
    "/grafana%2f",
    "/status/../grafana/",
    "/status/..;/grafana/",
    "/status%2f..%2fgrafana/",
    "/status/%2e%2e/grafana/",
    "/statusgrafana/",
    "/status?/../grafana/",
    "/healthz/../grafana/",
    "/healthz/%2e%2e/",
    "/v2/../grafana/",
    "/v2/..%2fgrafana/",
    "/v2/%2e%2e/",
    "/v2/..",
    "/auth/token/../operator",
    "/auth/token%2f..%2foperator",
    "/auth/token/..%2f..%2fevents",
    "/auth//token/../../events",
    "/ui/v2/../../grafana/",
    "/ui/v2/../index.html",
    "/ui/..",
    "/oauth2/callback/../../",
    "/events",
    "/v2/../events",
    "/metrics",
    "/healthz/../metrics",
    "http://{host}/grafana/",
    "http://{host}/status/../",
    "http://gateway:8080/events",
    "http://prometheus:9090/",
    "http://127.0.0.1:{monitoring}/metrics",
)


@pytest.fixture(scope="module")
def all_of_them(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everybody]:
    with everybody(tmp_path_factory.mktemp("paths")) as running:
        yield running


def opened(all_of_them: Everybody, head: str, body: bytes = b"") -> socket.socket:
    """A connection over which a request was sent, its head as it is."""
    caddy = all_of_them.edge.caddy
    host = f"127.0.0.1:{caddy.ports.plain}"
    sent = head.replace("{host}", host).replace("{monitoring}", str(caddy.ports.monitoring)).rstrip("\n")
    named = "" if "\nHost:" in sent else f"\nHost: {host}"
    lines = f"{sent}{named}\nContent-Length: {len(body)}\nConnection: close\n\n"
    connection = socket.create_connection(("127.0.0.1", caddy.ports.plain), timeout=60)
    connection.sendall(lines.replace("\n", "\r\n").encode() + body)
    return connection


def answered(connection: socket.socket) -> tuple[int, str]:
    """Return the status of an answer and all of it; 0 if the connection was closed without one."""
    answer = b""
    with contextlib.suppress(ConnectionError):
        while more := connection.recv(65536):
            answer += more
    words = answer.split(b" ", 2)
    return int(words[1]) if answer.startswith(b"HTTP/1.1 ") else 0, answer.decode(errors="replace")


@pytest.mark.parametrize("asker", ["nobody", "anybody", "robot"])
@pytest.mark.parametrize("path", PRIVATE)
def test_no_path_leads_to_what_is_private(all_of_them: Everybody, path: str, asker: str) -> None:
    """Not even with a token for something else."""
    scopes = ["repository:public/app:pull", "repository:team/app:pull,push", "repository:private/app:pull", "registry:catalog:*"]
    token = "".join(f"\n{name}: {value}" for name, value in all_of_them.token(asker, *scopes).items())
    with opened(all_of_them, f"GET {path} HTTP/1.1{token}\nAccept: {MANIFEST_TYPE}") as connection:
        status, answer = answered(connection)
    assert all_of_them.digests["private/app"] not in answer
    assert '"tags":' not in answer
    assert '"repositories":' not in answer
    assert '"headers":' not in answer, "a page was reached"
    assert status in {0, 301, 307, 308, 400, 401, 404, 405}, answer


@pytest.mark.parametrize("path", PAGES)
def test_no_path_leads_past_sign_on(all_of_them: Everybody, path: str) -> None:
    with opened(all_of_them, f"GET {path} HTTP/1.1") as connection:
        status, answer = answered(connection)
    reached = '"headers":' in answer
    assert not reached or '"path": "/status"' in answer, answer
    assert "caddy_http" not in answer
    assert status in {200, 301, 308, 400, 401, 404, 405} if reached else {0, 301, 308, 400, 401, 404, 405}, answer


WRITES = (
    "PUT /v2/team/app/manifests/v1 HTTP/1.1",
    "PUT //v2/team/app/manifests/v1 HTTP/1.1",
    "PUT /v2//team/app/manifests/v1 HTTP/1.1",
    "PUT /v2/x/../team/app/manifests/v1 HTTP/1.1",
    "PUT /%76%32/team/app/manifests/v1 HTTP/1.1",
    "PUT /ui/v2/team/app/manifests/v1 HTTP/1.1",
    "PUT http://{host}/v2/team/app/manifests/v1 HTTP/1.1",
    "put /v2/team/app/manifests/v1 HTTP/1.1",
    "Put /v2/team/app/manifests/v1 HTTP/1.1",
    "DELETE /v2/team/app/manifests/v1 HTTP/1.1",
    "delete /v2/team/app/manifests/v1 HTTP/1.1",
    "GET /v2/team/app/manifests/v1 HTTP/1.1\nX-HTTP-Method-Override: DELETE",
    "GET /v2/team/app/manifests/v1 HTTP/1.1\nX-HTTP-Method: PUT\nX-Method-Override: PUT",
    "POST /v2/team/app/manifests/v1 HTTP/1.1\nX-HTTP-Method-Override: PUT",
    "GET /v2/team/app/manifests/v1?_method=DELETE HTTP/1.1",
)


@pytest.mark.parametrize("request_line", WRITES)
def test_nothing_is_written_in_read_only_mode_however_it_is_asked_for(all_of_them: Everybody, request_line: str) -> None:
    token = all_of_them.token(OPERATOR, "repository:team/app:pull,push,delete")["Authorization"]
    before = all_of_them.tags()
    body = b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}'
    head = f"{request_line}\nAuthorization: {token}\nContent-Type: application/vnd.oci.image.index.v1+json"
    all_of_them.edge.read_only_file.touch()  # as a person does, who names no end: nothing waits
    try:
        with opened(all_of_them, head, body) as connection:
            status, answer = answered(connection)
    finally:
        all_of_them.edge.read_only_file.unlink()
    assert status in {200, 301, 308, 400, 404, 405, 503}, answer
    assert all_of_them.tags() == before


@pytest.mark.parametrize("method", ["put", "Put", "delete", "DELETE\t", "PUT,GET", "GET\x00", "X" * 5000])
def test_a_method_is_known_by_its_exact_name(all_of_them: Everybody, method: str) -> None:
    token = all_of_them.token(OPERATOR, "repository:team/app:pull,push,delete")["Authorization"]
    before = all_of_them.tags()
    with opened(all_of_them, f"{method} /v2/team/app/manifests/v1 HTTP/1.1\nAuthorization: {token}", b"{}") as connection:
        status, answer = answered(connection)
    assert status in {400, 405, 501}, answer
    assert all_of_them.tags() == before


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_header_makes_a_request_another_one(all_of_them: Everybody, method: str, header: str) -> None:
    token = all_of_them.token(OPERATOR, "repository:team/app:pull,push,delete")
    before = all_of_them.tags()
    for meant in ("DELETE", "PUT"):
        path = f"/v2/team/app/manifests/{all_of_them.digests['team/app']}"
        httpx.request(method, all_of_them.edge.url + path, headers={**token, header: meant})
    assert all_of_them.tags() == before


AMBIGUOUS = (
    "Content-Length: 5\nContent-Length: 6",
    "Content-Length: 5, 6",
    "Transfer-Encoding: chunked, identity",
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding: chunked\nTransfer-Encoding: chunked",
    "Transfer-Encoding : chunked",
    "Content-Length: +5",
    "Content-Length: 0x5",
    "Content-Length: -1",
    "Content-Length: 99999999999999999999",
)


@pytest.mark.parametrize("lengths", AMBIGUOUS)
def test_no_second_request_hides_in_the_body_of_a_first(all_of_them: Everybody, lengths: str) -> None:
    """Where it is not clear how long a body is, edge and registry might cut differently: nothing of it is sent on."""
    caddy = all_of_them.edge.caddy
    host = f"127.0.0.1:{caddy.ports.plain}"
    token = all_of_them.token(OPERATOR, "repository:team/app:pull,push,delete")["Authorization"]
    hidden = f"GET /v2/team/app/manifests/v1 HTTP/1.1\nHost: {host}\nAuthorization: {token}\nAccept: {MANIFEST_TYPE}\n\n"
    first = f"POST /v2/team/app/blobs/uploads/ HTTP/1.1\nHost: {host}\nAuthorization: {token}\n{lengths}\n\n0\n\n"
    with socket.create_connection(("127.0.0.1", caddy.ports.plain), timeout=60) as connection:
        connection.sendall((first + hidden).replace("\n", "\r\n").encode())
        connection.shutdown(socket.SHUT_WR)
        status, answer = answered(connection)
    assert status in {400, 413, 501}, answer
    assert answer.count("HTTP/1.1 ") == 1
    assert all_of_them.digests["team/app"] not in answer


def test_a_head_is_no_larger_than_a_client_s(all_of_them: Everybody) -> None:
    large = {
        "one long header": "GET /v2/ HTTP/1.1\nX-Long: " + "x" * 50_000,
        "many headers": "GET /v2/ HTTP/1.1\n" + "\n".join(f"X-{number}: {number}" for number in range(8_000)),
        "a long path": "GET /v2/" + "a" * 50_000 + " HTTP/1.1",
        "a long token": "GET /v2/ HTTP/1.1\nAuthorization: Bearer " + "x" * 50_000,
    }
    for what, head in large.items():
        with opened(all_of_them, head) as connection:
            assert answered(connection)[0] == 431, what
    assert httpx.get(f"{all_of_them.edge.url}/healthz").status_code == 200


def test_a_head_that_never_ends_is_cut_off(all_of_them: Everybody) -> None:
    began = time.monotonic()
    connections = [socket.create_connection(("127.0.0.1", all_of_them.edge.caddy.ports.plain), timeout=60) for _ in range(20)]
    for connection in connections:
        connection.sendall(b"GET /v2/ HTTP/1.1\r\nX-Slow: ")
    with contextlib.suppress(ConnectionError):
        while time.monotonic() - began < 5:  # a byte now and then does not help
            time.sleep(0.5)
            for connection in connections:
                connection.sendall(b"x")
    assert httpx.get(f"{all_of_them.edge.url}/healthz").status_code == 200
    for connection in connections:
        with connection:
            status, _ = answered(connection)
            assert status in {0, 408}
    assert time.monotonic() - began < 50


def test_headers_that_name_somebody_reach_nobody(all_of_them: Everybody) -> None:
    """Of pages, tests/stack_components/edge/test_sign_on.py says it; here it is what the registry and a token are told."""
    claims = {"X-Auth-Request-User": "admin", "X-Auth-Request-Email": "ann@example.com", "X-Sign-On-Proof": "guessed"}
    claims |= {"X-Forwarded-User": "admin", "Remote-User": "admin", "X-Original-URL": "/v2/", "X-Rewrite-URL": "/v2/"}
    claims |= {"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1", "X-Forwarded-Host": "elsewhere.example.com"}
    for path in ("/v2/_catalog", "/v2/private/app/manifests/v1", "/", "/grafana/"):
        assert httpx.get(all_of_them.edge.url + path, headers=claims).status_code == 401
    challenge = httpx.get(f"{all_of_them.edge.url}/v2/", headers=claims).headers["WWW-Authenticate"]
    assert "elsewhere" not in challenge
