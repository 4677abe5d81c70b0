"""Sign-on as browsers and other clients see it, in both kinds: who passes, what pages are told, what tokens grant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ops.config import EMAIL_HEADER, PROOF_HEADER, USER_HEADER
from tests.stack_components.edge.caddy import echo
from tests.stack_components.edge.signing_on import (
    ANN,
    ANYBODY,
    BOB,
    CLAIMS,
    EVE,
    EVERYTHING,
    OPERATOR,
    PROOF,
    SCOPES,
    Browser,
    Stack,
    claimed,
    stack,
    written,
)

pytestmark = pytest.mark.system


@pytest.fixture(scope="module", params=["plain", "tls"])
def provided(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """With an identity provider."""
    with stack(tmp_path_factory.mktemp(request.param), signs_on=True, tls=request.param == "tls") as running:
        yield running


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Without one."""
    with stack(tmp_path_factory.mktemp("alone"), signs_on=False) as running:
        yield running


@pytest.fixture(scope="module", params=[True, False], ids=["provider", "password"])
def overheard(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """With a STAND-IN for the gateway that shows what it is asked."""
    with echo() as gateway, stack(tmp_path_factory.mktemp("overheard"), signs_on=request.param, gateway=gateway) as running:
        yield running


@pytest.mark.parametrize("path", ["/", "/grafana/d/1?from=now-1h&to=now", "/portainer/a%2Fb"])
def test_a_signed_out_browser_signs_on_and_comes_back_to_the_page(provided: Stack, path: str) -> None:
    with Browser(provided) as browser:
        first = browser.get(path)
        assert first.status_code == 302
        assert first.headers["Location"].startswith("/oauth2/sign_in?rd=%2F")
        seen = browser.sign_on(path, BOB)
        assert seen.status_code == 200
        assert str(seen.url) == provided.url + path
        assert seen.json()["path"] == path.removeprefix("/portainer")
        assert claimed(seen.json()["headers"]) == {USER_HEADER.lower(): BOB, EMAIL_HEADER.lower(): BOB}


def test_a_page_does_not_get_the_cookie_that_signs_on(provided: Stack) -> None:
    with Browser(provided) as browser:
        browser.sign_on("/", BOB)
        (cookie,) = browser.client.cookies.jar
        browser.client.cookies.set("grafana_session", "of-grafana", domain="127.0.0.1")
        seen = browser.get("/grafana/").json()["headers"]["cookie"]
        assert "grafana_session=of-grafana" in seen
        assert cookie.name not in seen
        assert str(cookie.value) not in seen


def test_the_cookie_is_for_this_host_and_not_for_scripts(provided: Stack) -> None:
    with Browser(provided) as browser:
        browser.sign_on("/", BOB)
        (cookie,) = browser.client.cookies.jar
        tls = provided.url.startswith("https:")
        assert cookie.name == ("__Host-sign-on" if tls else "sign-on")
        assert (cookie.secure, cookie.path, cookie.domain_specified) == (tls, "/", False)
        assert cookie.has_nonstandard_attr("HttpOnly")
        assert cookie.get_nonstandard_attr("SameSite") == "Lax"


def test_the_sign_on_page_is_what_a_signed_out_browser_sees(provided: Stack) -> None:
    with Browser(provided) as browser:
        shown = browser.follow(browser.get("/"))
        assert shown.status_code == 200
        assert "These pages are for the operators of this registry." in shown.text


def test_a_page_s_own_requests_are_refused_and_not_sent_elsewhere(provided: Stack) -> None:
    with Browser(provided) as browser:
        assert browser.get("/grafana/api/search", Accept="application/json, text/plain, */*").status_code == 401


@pytest.mark.parametrize(
    "claims", [{"email": EVE}, {"email": ANN, "email_verified": False}, {"email": ""}, {"email": f"{ANN}.example.org"}]
)
def test_a_stranger_is_refused(provided: Stack, claims: dict[str, object]) -> None:
    with Browser(provided) as browser:
        refused = browser.sign_on("/", **claims)  # type: ignore[arg-type]
        assert refused.status_code in {403, 500}
        assert browser.get("/").status_code == 302
        assert provided.granted(browser.token(*SCOPES)) == ANYBODY


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "http://evil.example@x"])
def test_nobody_is_sent_to_another_site(provided: Stack, target: str) -> None:
    assert provided.mock is not None
    provided.mock.claims = {"email": BOB}
    with Browser(provided) as browser:
        seen = browser.follow(browser.client.get("/oauth2/start", params={"rd": target}))
        assert str(seen.url) == f"{provided.url}/"
        out = browser.client.get("/oauth2/sign_out", params={"rd": target})
        assert out.headers["Location"] == "/"


def test_a_code_is_of_use_to_no_other_browser(provided: Stack) -> None:
    assert provided.mock is not None
    provided.mock.claims = {"email": ANN}
    with Browser(provided) as browser, Browser(provided) as other:
        to_provider = browser.client.get("/oauth2/start").headers["Location"]
        callback = httpx.get(to_provider).headers["Location"]
        assert other.client.get(callback).status_code == 403
        assert other.get("/").status_code == 302


def test_an_operator_s_token_deletes_and_a_reader_s_does_not(provided: Stack) -> None:
    for email, subject, granted in (
        (ANN, ANN, EVERYTHING),
        (ANN.title(), ANN, EVERYTHING),
        (BOB, BOB, {"ci/app": ["pull"], "public/app": ["pull"], "catalog": ["*"]}),
    ):
        with Browser(provided) as browser:
            assert browser.sign_on("/", email).status_code == 200
            assert provided.granted(browser.token(*SCOPES)) == (subject, granted)


def test_a_signed_out_browser_is_anybody_to_the_token_service(provided: Stack) -> None:
    with Browser(provided) as browser:
        assert provided.granted(browser.token(*SCOPES)) == ANYBODY
        browser.sign_on("/", ANN)
        cookie = browser.client.cookies.jar
        name = next(iter(cookie)).name
        browser.follow(browser.get("/oauth2/sign_out"))
        assert provided.granted(browser.token(*SCOPES)) == ANYBODY
        assert provided.granted(browser.token(*SCOPES, Cookie=f"{name}=guessed")) == ANYBODY


def test_other_clients_sign_in_as_ever(provided: Stack) -> None:
    with Browser(provided, auth=OPERATOR) as client:
        assert provided.granted(client.token(*SCOPES)) == ("admin", EVERYTHING)
    with Browser(provided, auth=("robot", "the robot's password")) as client:
        assert provided.granted(client.token(*SCOPES))[0] == "robot"
    with Browser(provided, auth=("admin", "wrong")) as client:
        answer = client.token(*SCOPES)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    with Browser(provided) as browser:
        browser.sign_on("/", BOB)
        browser.client.auth = httpx.BasicAuth("robot", "the robot's password")
        assert provided.granted(browser.token(*SCOPES))[0] == "robot"


def test_what_a_client_claims_to_be_does_not_count(provided: Stack, alone: Stack) -> None:
    for running, refused in ((provided, 302), (alone, 401)):
        with Browser(running) as browser:
            assert running.granted(browser.token(*SCOPES, **CLAIMS)) == ANYBODY
            assert running.granted(browser.token(*SCOPES, **CLAIMS, Cookie="__Host-sign-on=x; sign-on=x")) == ANYBODY
            assert browser.get("/", **CLAIMS).status_code == refused


def test_what_a_client_claims_to_be_reaches_nobody(overheard: Stack) -> None:
    with Browser(overheard) as browser:
        for cookie in ("", "__Host-sign-on=x; sign-on=x"):
            seen = browser.token(*SCOPES, **CLAIMS, Cookie=cookie).json()
            assert seen["path"].startswith("/auth/token?")
            assert claimed(seen["headers"]) == {}


def test_what_a_signed_on_client_claims_to_be_reaches_no_page(provided: Stack, alone: Stack) -> None:
    with Browser(provided) as browser:
        browser.sign_on("/", BOB)
        seen = claimed(browser.get("/", **CLAIMS).json()["headers"])
        assert seen == {USER_HEADER.lower(): BOB, EMAIL_HEADER.lower(): BOB}
    with Browser(alone, auth=OPERATOR) as browser:
        assert claimed(browser.get("/", **CLAIMS).json()["headers"]) == {USER_HEADER.lower(): "admin"}


def test_the_gateway_is_told_who_is_signed_on_with_the_proof(tmp_path: Path) -> None:
    with echo() as gateway, stack(tmp_path, signs_on=True, gateway=gateway) as running, Browser(running) as browser:
        browser.sign_on("/", ANN)
        seen = claimed(browser.token(*SCOPES, **{**CLAIMS, "X_Sign_On_Proof": "guessed"}).json()["headers"])
        assert seen == {EMAIL_HEADER.lower(): ANN, PROOF_HEADER.lower(): PROOF}
        seen = claimed(browser.token(*SCOPES, Authorization="Basic eDp5").json()["headers"])
        assert seen == {"authorization": "Basic eDp5"}


def test_no_log_holds_a_code_a_cookie_or_the_proof(tmp_path: Path) -> None:
    with stack(tmp_path, signs_on=True) as running:
        with Browser(running) as stranger:
            stranger.sign_on("/", EVE)
        with Browser(running) as browser:
            browser.sign_on("/", BOB)
            (cookie,) = browser.client.cookies.jar
            browser.token(*SCOPES)
            browser.get("/the-last-of-these")
        access_log = written(running, "/the-last-of-these")
        assert running.proxy is not None
        assert BOB in running.proxy.log
        assert "/oauth2/sign_in" in access_log
        assert len(running.codes) == 2
        logs = access_log + running.caddy.log + running.proxy.log + running.gateway.log
        assert [secret for secret in (*running.codes, str(cookie.value), PROOF) if secret in logs] == []


def test_no_page_of_a_callback_tells_its_address_on(provided: Stack) -> None:
    with Browser(provided) as browser:
        assert browser.get("/oauth2/callback?code=x&state=y").headers["Referrer-Policy"] == "no-referrer"
