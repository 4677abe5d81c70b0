"""Rotated secrets of sign-on, with the real oauth2-proxy, edge and gateway: what the old one has made or shown counts no more."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.config import EMAIL_HEADER, PROOF_HEADER
from stack_components.sign_on.component import NAME, PROOF
from tests.declared import Declarations, declare
from tests.plans import plan_of
from tests.stack_components.edge.caddy import Ports
from tests.stack_components.edge.signing_on import (
    ANN,
    ANYBODY,
    EVERYTHING,
    SCOPES,
    Browser,
    Stack,
    services,
    settings,
)
from tests.stack_components.sign_on.provider import MockProvider, mock_provider

COOKIE_SECRET, TOKEN = "oauth2_cookie_secret", "sign_on_token"
_CONTAINER = "docker:index/container:Container"


def declared(raw: dict[str, Any], *rotated: str) -> Declarations:
    """What the program declares once these secrets are rotated."""
    given = {**raw, "rotation": {name: {"generation": 2} for name in rotated}}
    return declare({key: value if isinstance(value, str) else json.dumps(value) for key, value in given.items()})


@dataclass(frozen=True)
class Rig:
    """A stack that can be run with secrets of any generation, at one address."""

    folder: Path
    ports: Ports
    mock: MockProvider
    raw: dict[str, Any]

    def files(self, *rotated: str) -> dict[str, str]:
        return declared(self.raw, *rotated).secret_files

    def running(self, *rotated: str) -> AbstractContextManager[Stack]:
        return services(self.folder, plan_of(**self.raw), self.ports, self.mock, secret_files=self.files(*rotated))


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with mock_provider() as mock:
        ports = Ports()
        yield Rig(tmp_path, ports, mock, settings(ports, mock))


def browser(running: Stack) -> Browser:
    """A browser that opens a connection for each request, since the edge is replaced in between."""
    return Browser(running, limits=httpx.Limits(max_keepalive_connections=0))


def granted(stack: Stack, proof: str) -> tuple[str, dict[str, list[str]]]:
    """Whom the gateway takes somebody for who says so with a proof, and what it grants."""
    answer = httpx.get(
        f"{stack.gateway.url}/auth/token",
        params={"service": stack.service, "scope": list(SCOPES)},
        headers={EMAIL_HEADER: ANN, PROOF_HEADER: proof},
    )
    return stack.granted(answer)


@pytest.mark.system
def test_a_session_of_before_the_cookie_secret_was_rotated_is_over(rig: Rig) -> None:
    with contextlib.ExitStack() as opened:
        with rig.running() as before:
            ann = opened.enter_context(browser(before))
            assert ann.sign_on("/", ANN).status_code == 200
        # It is not the new containers that end it.
        with rig.running() as before:
            assert ann.get("/").status_code == 200
            assert before.granted(ann.token(*SCOPES)) == (ANN, EVERYTHING)
        with rig.running(COOKIE_SECRET) as after:
            assert ann.get("/").status_code == 302
            assert after.granted(ann.token(*SCOPES)) == ANYBODY
            assert ann.sign_on("/", ANN).status_code == 200
            assert after.granted(ann.token(*SCOPES)) == (ANN, EVERYTHING)


@pytest.mark.system
def test_the_gateway_believes_the_new_token_of_sign_on_alone(rig: Rig) -> None:
    old, new = (rig.files(*rotated)[PROOF] for rotated in ((), (TOKEN,)))
    with contextlib.ExitStack() as opened:
        with rig.running() as before:
            ann = opened.enter_context(browser(before))
            assert ann.sign_on("/", ANN).status_code == 200
            assert [granted(before, proof) for proof in (old, new)] == [(ANN, EVERYTHING), ANYBODY]
        with rig.running(TOKEN) as after:
            assert [granted(after, proof) for proof in (old, new)] == [ANYBODY, (ANN, EVERYTHING)]
            # The edge shows the new one, for sessions that were there before, too.
            assert after.granted(ann.token(*SCOPES)) == (ANN, EVERYTHING)


@pytest.mark.parametrize(("name", "replaced"), [(COOKIE_SECRET, {NAME}), (TOKEN, {"edge", "gateway"})])
def test_what_reads_a_rotated_secret_is_replaced_and_nothing_else(rig: Rig, name: str, replaced: set[str]) -> None:
    before, after = (
        {one.name.removesuffix("-container"): one.inputs for one in declared(rig.raw, *rotated).of_type(_CONTAINER)}
        for rotated in ((), (name,))
    )
    assert {service for service in after if after[service] != before[service]} == replaced
