"""Sign-on without an identity provider: the operator's name and password, and a cookie that stands for them."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from ops.config import USER_HEADER
from tests.browser import page
from tests.stack_components.edge.caddy import serving
from tests.stack_components.edge.signing_on import ANYBODY, EVERYTHING, OPERATOR, SCOPES, Browser, Stack, claimed, stack, written

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Without one."""
    with stack(tmp_path_factory.mktemp("alone"), signs_on=False) as running:
        yield running


@pytest.mark.parametrize("auth", [None, ("admin", "wrong"), ("nobody", "x"), ("robot", "the robot's password")])
def test_the_operator_s_password_is_asked_for(alone: Stack, auth: tuple[str, str] | None) -> None:
    with Browser(alone, auth=auth) as browser:
        for path in ("/", "/grafana/", "/portainer/x"):
            answer = browser.get(path)
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"] == f'Basic realm="{alone.service}", charset="UTF-8"'
            assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
            assert "<h1>Sign on</h1>" in answer.text


def test_pages_are_told_the_operator_s_name_and_no_password(alone: Stack) -> None:
    with Browser(alone, auth=OPERATOR) as browser:
        for path, asked in {"/": "/", "/grafana/a?b": "/grafana/a?b", "/portainer/x": "/x"}.items():
            answer = browser.get(path)
            assert answer.status_code == 200
            assert answer.json()["path"] == asked
            assert claimed(answer.json()["headers"]) == {USER_HEADER.lower(): "admin"}


def test_what_everybody_sees_is_one_path_and_is_told_nothing_of_who_asks(alone: Stack) -> None:
    with Browser(alone, auth=OPERATOR) as browser:
        browser.get("/")  # for the cookie
        answer = browser.client.get("/status?a=b", headers={USER_HEADER: "mallory", "Cookie": "other=1"})
        assert answer.json()["path"] == "/status"
        assert not {"authorization", "cookie", USER_HEADER.lower()} & {name.lower() for name in answer.json()["headers"]}
    with Browser(alone) as browser:
        assert browser.get("/status").status_code == 200
        assert browser.client.post("/status").status_code == 405
        for path in ("/status/", "/status/..", "/statuses", "//status", "/STATUS", "/status%2f..%2fimages"):
            answer = browser.get(path)
            assert answer.status_code == 401 or answer.json()["path"] == "/status", path


def test_the_browser_gets_tokens_with_the_operator_s_password(alone: Stack) -> None:
    with Browser(alone, auth=OPERATOR) as browser:
        assert alone.granted(browser.token(*SCOPES)) == ("admin", EVERYTHING)
    with Browser(alone) as browser:
        assert alone.granted(browser.token(*SCOPES)) == ANYBODY


def test_a_cookie_stands_for_the_password(alone: Stack) -> None:
    with Browser(alone, auth=OPERATOR) as browser:
        first = browser.get("/")
        assert first.headers["Set-Cookie"].endswith("; Path=/; HttpOnly; SameSite=Lax")
        assert "sign-on" not in first.text  # not told to pages
        browser.client.auth = httpx.Auth()
        again = browser.get("/grafana/cookie")
        assert again.json()["headers"][USER_HEADER.lower()] == "admin"
        assert "Set-Cookie" not in again.headers
        assert "sign-on" not in again.text
        assert alone.granted(browser.token(*SCOPES)) == ("admin", EVERYTHING)
        logs = written(alone, "/grafana/cookie") + alone.caddy.log + alone.gateway.log
        assert first.headers["Set-Cookie"].partition(";")[0].partition("=")[2] not in logs


def test_the_cookie_is_safe_where_there_is_tls(tmp_path: Path) -> None:
    with stack(tmp_path, signs_on=False, tls=True) as running, Browser(running, auth=OPERATOR) as browser:
        made = browser.get("/").headers["Set-Cookie"]
        assert made.startswith("__Host-sign-on=")
        assert made.endswith("; Path=/; HttpOnly; SameSite=Lax; Secure")
        browser.client.auth = httpx.Auth()
        assert running.granted(browser.token(*SCOPES)) == ("admin", EVERYTHING)


class Ui(BaseHTTPRequestHandler):
    """A STAND-IN for the UI and the registry: a script asks the registry, is told to get a token, and gets one."""

    script = """<!doctype html><title>UI</title><p id=seen>nothing</p><script>
const ask = (path, then) => {
  const request = new XMLHttpRequest();
  request.open("GET", location.origin + path);
  request.onloadend = () => then(request);
  request.send();
};
ask("/v2/_catalog", (refused) => ask("/auth/token?service=SERVICE&scope=registry:catalog:*", (given) => {
  const claims = JSON.parse(atob(JSON.parse(given.responseText).token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));
  document.getElementById("seen").textContent = `${refused.status} ${claims.sub} ${claims.access.map((one) => one.name)}`;
}));
</script>"""

    def do_GET(self) -> None:
        asks_registry = self.path.startswith("/v2/")
        self.send_response(401 if asks_registry else 200)
        if asks_registry:
            self.send_header("WWW-Authenticate", 'Bearer realm="https://registry/auth/token",service="registry"')
        body = b"" if asks_registry else self.script.replace("SERVICE", quote(self.headers["Host"])).encode()
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


def test_a_page_s_script_gets_the_operator_s_token(tmp_path: Path) -> None:
    # Chromium forgets the password when the registry asks for a token.
    with serving(Ui) as ui, stack(tmp_path, signs_on=False, upstream=f"127.0.0.1:{ui.server_address[1]}") as running:
        name, password = OPERATOR
        seen = page(f"http://{name}:{quote(password)}@127.0.0.1:{running.caddy.ports.plain}/")
    assert '<p id="seen">401 admin catalog</p>' in seen


def test_there_is_nothing_of_a_provider(alone: Stack) -> None:
    with Browser(alone, auth=OPERATOR) as browser:
        assert browser.get("/oauth2/sign_in").json()["path"] == "/oauth2/sign_in"  # a path of the UI's as any other
        assert browser.get("/auth/operator").json()["path"] == "/auth/operator"
    with Browser(alone) as browser:
        assert browser.get("/auth/operator").status_code == 401


def test_nobody_guesses_passwords_at_the_pages_for_long(tmp_path: Path) -> None:
    with stack(tmp_path, signs_on=False) as running:
        with Browser(running, auth=("admin", "wrong")) as browser:
            answers = [browser.get("/").status_code for _ in range(12)]
            last = browser.get("/")
        assert answers == [401] * 10 + [429] * 2
        assert int(last.headers["Retry-After"]) > 0
        assert "too many failed logins" in last.text
