"""Tokens, checked with the public key set that the registry gets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from joserfc import jwt
from joserfc.errors import BadSignatureError, ExpiredTokenError
from joserfc.jwk import KeySet

from ops.credentials.keys import load_signing_key, public_jwks, signing_key_from_seed
from ops.gateway.scope import TokenScope
from ops.gateway.tokens import TokenIssuer
from tests.ops.gateway.gateway_rig import SIGNING_KEY

NOW = 1_800_000_000


def issue(subject: str = "admin", key: str = SIGNING_KEY) -> Mapping[str, Any]:
    issuer = TokenIssuer(load_signing_key(key), "issuer", "service", 300, clock=lambda: NOW + 0.9)
    return issuer.issue(subject, [TokenScope("repository", "team/app", frozenset({"push", "pull"}))])


def decode(token: str) -> jwt.Token:
    return jwt.decode(token, KeySet.import_key_set(json.loads(public_jwks(SIGNING_KEY))), algorithms=["ES256"])


def test_the_registry_can_verify_a_token_with_the_public_keys() -> None:
    token = decode(issue()["token"])
    assert token.header == {"alg": "ES256", "typ": "JWT", "kid": json.loads(public_jwks(SIGNING_KEY))["keys"][0]["kid"]}
    jti = token.claims.pop("jti")
    assert len(jti) > 16
    assert token.claims == {
        "iss": "issuer",
        "sub": "admin",
        "aud": "service",
        "iat": NOW,
        "nbf": NOW,
        "exp": NOW + 300,
        "access": [{"type": "repository", "name": "team/app", "actions": ["pull", "push"]}],
    }


def test_the_response_has_the_form_of_the_specification() -> None:
    response = issue()
    assert set(response) == {"token", "access_token", "expires_in", "issued_at"}
    assert response["access_token"] == response["token"]
    assert (response["expires_in"], response["issued_at"]) == (300, "2027-01-15T08:00:00Z")


def test_no_two_tokens_are_the_same() -> None:
    assert decode(issue()["token"]).claims["jti"] != decode(issue()["token"]).claims["jti"]


def test_a_token_expires() -> None:
    token = decode(issue()["token"])
    jwt.JWTClaimsRegistry(now=NOW + 299).validate(token.claims)
    with pytest.raises(ExpiredTokenError):
        jwt.JWTClaimsRegistry(now=NOW + 301).validate(token.claims)


def test_a_token_of_another_key_is_refused() -> None:
    forged = issue(key=signing_key_from_seed("another seed of more than 32 bytes"))["token"]
    payload = forged.split(".")[1]
    header = issue()["token"].split(".")[0]  # with the `kid` of the right key
    with pytest.raises(BadSignatureError):
        decode(f"{header}.{payload}.{forged.split('.')[2]}")
