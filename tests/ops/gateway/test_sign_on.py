"""Browsers that are signed on at the identity provider: the gateway believes the edge, and nobody else."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.config import Access, Person, SignOn
from ops.core.files import write_atomic
from ops.gateway.__main__ import assemble
from tests.ops.gateway.client import Client
from tests.ops.gateway.gateway_rig import PULL_ALL, basic, write_files
from tests.ops.gateway.test_app import error_code

PROOF = "proof-of-the-edge"
EVERYTHING = Access(repositories="**", actions=("pull", "push", "delete"))
PEOPLE = (
    Person(name="ann@example.com", access=(EVERYTHING,), catalog=True),
    Person(name="bob@example.com", access=(PULL_ALL,), catalog=True),
)
SCOPES = "repository:a:pull,push,delete", "registry:catalog:*"
ANYBODY: tuple[str, dict[str, list[str]]] = ("", {})


def told(email: str, proof: str = PROOF) -> dict[str, str]:
    """What the edge adds to a request."""
    return {"X-Auth-Request-Email": email, "X-Sign-On-Proof": proof}


def made(folder: Path, *, signs_on: bool) -> Client:
    config = write_files(folder, anonymous=(), people=PEOPLE)
    write_atomic(folder / "proof", PROOF, mode=0o600)
    if signs_on:
        config = config.model_copy(update={"sign_on": SignOn(proof_file=folder / "proof")})
    return Client(assemble(config), config)


@pytest.fixture(params=[True])
def client(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Client]:
    client = made(tmp_path, signs_on=request.param)
    yield client
    client.gateway.login.close()
    client.gateway.events.close()


def test_whoever_is_signed_on_gets_what_is_theirs(client: Client) -> None:
    assert client.access(*SCOPES, headers=told("ann@example.com")) == (
        "ann@example.com",
        {"a": ["pull", "push", "delete"], "catalog": ["*"]},
    )
    assert client.access(*SCOPES, headers=told("bob@example.com")) == ("bob@example.com", {"a": ["pull"], "catalog": ["*"]})


def test_addresses_are_compared_in_lower_case(client: Client) -> None:
    assert client.access(headers=told("Ann@Example.COM")) == ("ann@example.com", {})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Auth-Request-Email": "ann@example.com"},
        {"X-Sign-On-Proof": PROOF},
        told("ann@example.com", ""),
        told("ann@example.com", PROOF[:-1]),
        told("ann@example.com", f"{PROOF}x"),
        told("ann@example.com", PROOF.upper()),
        told("eve@example.com"),
        told(""),
        told("ann@example.com, bob@example.com"),
    ],
)
def test_everybody_else_is_anybody(client: Client, headers: dict[str, str]) -> None:
    assert client.access(*SCOPES, headers=headers) == ANYBODY


def test_a_proof_beyond_ascii_is_wrong_like_any_other(client: Client) -> None:
    headers = {"X-Auth-Request-Email": "ann@example.com", "X-Sign-On-Proof": "pr\N{LATIN SMALL LETTER O WITH STROKE}f".encode()}
    assert client.access(*SCOPES, headers=headers) == ANYBODY


@pytest.mark.parametrize("client", [False], indirect=True)
def test_without_a_provider_nobody_is_signed_on(client: Client) -> None:
    assert client.access(*SCOPES, headers=told("ann@example.com")) == ANYBODY


def test_a_name_and_a_password_come_first(client: Client) -> None:
    assert client.access(headers={**told("ann@example.com"), **basic("robot")})[0] == "robot"
    refused = client.token(headers={**told("ann@example.com"), **basic("robot", "wrong")})
    assert (refused.status_code, error_code(refused)) == (401, "UNAUTHORIZED")


def test_what_is_ignored_is_logged_without_the_proof(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.access(headers=told("ann@example.com", "a-guessed-proof"))
    client.access(headers=told("eve@example.com"))
    wrong, unknown = caplog.records
    assert (wrong.levelno, unknown.levelno) == (logging.WARNING, logging.WARNING)
    assert vars(unknown)["email"] == "eve@example.com"
    assert not any(proof in str(vars(record)) for record in (wrong, unknown) for proof in ("a-guessed-proof", PROOF))
