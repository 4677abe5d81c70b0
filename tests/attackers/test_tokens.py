"""Tokens that the gateway has not made, or not for this: the real registry takes none of them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from ops.credentials.keys import load_signing_key, public_jwks, signing_key_from_seed
from ops.gateway.scope import parse
from ops.gateway.tokens import TokenIssuer
from tests.ops.gateway.gateway_rig import ISSUER, SERVICE, SIGNING_KEY, running_anew
from tests.ops.gateway.registry_rig import Registry, running_registry
from tests.real_programs import registry_binary

pytestmark = pytest.mark.system

OURS, THEIRS = load_signing_key(SIGNING_KEY), load_signing_key(signing_key_from_seed("a seed of an attacker's own, long enough"))
PUBLIC = json.loads(public_jwks(SIGNING_KEY))["keys"][0]
SCOPE = "repository:team/app:pull,push,delete"
Claims = dict[str, Any]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    folder = tmp_path_factory.mktemp("tokens")
    with running_anew(folder, anonymous=()) as gateway, running_registry(registry_binary(), folder, gateway.url) as registry:
        assert registry.push("team/app", "v1", registry.token(SCOPE, "admin")).status_code == 201
        yield registry


def claims(**changes: Any) -> Claims:
    """What the gateway would say of the operator."""
    now = int(time.time())
    access = [{"type": "repository", "name": "team/app", "actions": ["pull", "push", "delete"]}]
    given = {
        "iss": ISSUER,
        "sub": "admin",
        "aud": SERVICE,
        "exp": now + 300,
        "nbf": now,
        "iat": now,
        "jti": "x",
        "access": access,
    }
    return {**given, **changes}


def packed(value: Any) -> str:
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def signed(key: ECKey, **header: Any) -> str:
    return jwt.encode({"alg": "ES256", "typ": "JWT", "kid": OURS.kid, **header}, claims(), key, algorithms=["ES256"])


def unsigned(algorithm: str) -> str:
    return f"{packed({'alg': algorithm, 'typ': 'JWT', 'kid': OURS.kid})}.{packed(claims())}."


def by_mac(secret: bytes) -> str:
    """The public key, which everybody may know, as the secret of a symmetric algorithm."""
    head = f"{packed({'alg': 'HS256', 'typ': 'JWT', 'kid': OURS.kid})}.{packed(claims())}"
    return f"{head}.{packed(hmac.digest(secret, head.encode(), hashlib.sha256))}"


def with_payload(token: str, **changes: Any) -> str:
    """A good token's signature under other claims."""
    header, payload, signature = token.split(".")
    said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return f"{header}.{packed({**said, **changes})}.{signature}"


def stretched(token: str) -> str:
    """A good signature in another encoding of the same bytes, or with more of them."""
    return f"{token}{packed(b'x')}"


FORGED: dict[str, Callable[[str], str]] = {
    "no algorithm": lambda _: unsigned("none"),
    "no algorithm, in capitals": lambda _: unsigned("NONE"),
    "no algorithm, and a signature": lambda _: unsigned("none") + packed(b"x" * 64),
    "the public key as a secret": lambda _: by_mac(public_jwks(SIGNING_KEY).encode()),
    "the public key's point as a secret": lambda _: by_mac(base64.urlsafe_b64decode(PUBLIC["x"] + "==")),
    "an empty secret": lambda _: by_mac(b""),
    "another key under our name": lambda _: signed(THEIRS),
    "a key that it brings along": lambda _: signed(THEIRS, jwk=THEIRS.as_dict(private=False)),
    "a key of an unknown name": lambda _: signed(THEIRS, kid="theirs"),
    "a key of no name": lambda _: signed(THEIRS, kid=""),
    "a key that is a path": lambda _: signed(THEIRS, kid="../../../../dev/null"),
    "a key from elsewhere": lambda _: signed(THEIRS, jku="http://127.0.0.1:9/jwks.json", x5u="http://127.0.0.1:9/a.pem"),
    "certificates that are none": lambda _: signed(THEIRS, x5c=[packed(b"x")]),
    "wider access": lambda good: with_payload(good, access=claims()["access"]),
    "a longer life": lambda good: with_payload(good, exp=int(time.time()) + 10**6),
    "a signature of nothing": lambda good: good.rpartition(".")[0] + "." + packed(bytes(64)),
    "more signature": stretched,
    "four parts": lambda good: f"{good}.{good}",
    "no JSON": lambda good: f"{packed(b'{')}.{packed(b'{')}.{good.rpartition('.')[2]}",
    "nothing": lambda _: "..",
}


@pytest.mark.parametrize("kind", FORGED)
def test_a_forged_token_is_good_for_nothing(registry: Registry, kind: str) -> None:
    good = registry.token("repository:team/app:pull", "admin")
    assert registry.pull("team/app", "v1", good).status_code == 200
    token = FORGED[kind](good)
    refused = registry.request("GET", "/v2/", token)
    assert refused.status_code == 401
    assert registry.pull("team/app", "v1", token).status_code == 401
    assert registry.push("team/app", "forged", token).status_code == 401


def test_the_same_claims_by_the_right_key_are_good(registry: Registry) -> None:
    """What is wrong with those above is what they say, and nothing else."""
    assert registry.pull("team/app", "v1", signed(OURS)).status_code == 200


@pytest.mark.parametrize(
    "scheme", ["Bearer {token}, Bearer x", "Basic {token}", "bearer{token}", "Bearer", "Token {token}", "{token}", "Bearer x"]
)
def test_a_token_is_one_in_its_place_only(registry: Registry, scheme: str) -> None:
    token = registry.token(SCOPE, "admin")
    headers = {"Authorization": scheme.format(token=token)}
    assert registry.request("GET", "/v2/team/app/manifests/v1", headers=headers).status_code == 401
    assert registry.request("GET", f"/v2/team/app/manifests/v1?access_token={token}&token={token}").status_code == 401


def test_a_token_of_one_registry_is_no_good_at_another(registry: Registry) -> None:
    """Of another service, by the same gateway's key, and of another gateway for this service."""
    elsewhere = TokenIssuer(OURS, ISSUER, "other.example.com", 300).issue("admin", parse([SCOPE]))["token"]
    by_others = TokenIssuer(THEIRS, ISSUER, SERVICE, 300).issue("admin", parse([SCOPE]))["token"]
    for token in (elsewhere, by_others):
        assert registry.pull("team/app", "v1", str(token)).status_code == 401


def test_a_token_does_only_what_was_asked_for(registry: Registry) -> None:
    pull = registry.token("repository:team/app:pull", "admin")
    assert registry.push("team/app", "v2", pull).status_code == 401
    assert registry.pull("team/other", "v1", pull).status_code == 401
    assert registry.request("GET", "/v2/_catalog", pull).status_code == 401
    catalogue = registry.token("registry:catalog:*", "admin")
    assert registry.pull("team/app", "v1", catalogue).status_code == 401
