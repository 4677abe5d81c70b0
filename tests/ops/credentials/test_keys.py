"""The signing key: made from a seed, published for the registry."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from ops.credentials.keys import load_signing_key, public_jwks, signing_key_from_seed

SEED = "0123456789abcdef0123456789abcdef"


def test_a_seed_always_gives_the_same_key() -> None:
    key = signing_key_from_seed(SEED)
    assert key == signing_key_from_seed(SEED)
    # Written down here because a change would make every registry refuse the tokens of the new gateway.
    assert json.loads(public_jwks(key))["keys"][0]["kid"] == "FInhArhGQOBJYxST44YcmFLJuUCrKVmDoKvJc11t6J0"


def test_another_seed_gives_another_key() -> None:
    keys = {signing_key_from_seed(SEED + suffix) for suffix in ("", " ", "a", "b", "ä")}
    assert len(keys) == 5


@pytest.mark.parametrize("seed", ["", "a" * 31])
def test_a_short_seed_is_refused(seed: str) -> None:
    with pytest.raises(ValueError, match="it needs at least 32 random bytes"):
        signing_key_from_seed(seed)


def test_the_public_keys_are_those_of_the_private_key_and_nothing_of_it() -> None:
    pem = signing_key_from_seed(SEED)
    assert public_jwks(pem) == public_jwks(pem)
    [key] = json.loads(public_jwks(pem))["keys"]
    private = load_pem_private_key(pem.encode(), None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    numbers = private.public_key().public_numbers()
    expected = {"kty": "EC", "crv": "P-256", "x": _encoded(numbers.x), "y": _encoded(numbers.y)}
    # RFC 7638: the digest of the required members, in this order and without spaces.
    thumbprint = hashlib.sha256(json.dumps(expected, sort_keys=True, separators=(",", ":")).encode()).digest()
    kid = base64.urlsafe_b64encode(thumbprint).rstrip(b"=").decode()
    assert key == expected | {"kid": kid, "use": "sig", "alg": "ES256"}
    assert load_signing_key(pem).kid == kid


def test_the_order_of_keys_says_nothing() -> None:
    pems = [signing_key_from_seed(f"{SEED}{number}") for number in range(2)]
    assert public_jwks(*pems) == public_jwks(*reversed(pems))


def test_coordinates_with_leading_zeros_keep_their_length() -> None:
    for number in range(2000):
        [key] = json.loads(public_jwks(signing_key_from_seed(f"{SEED}{number}")))["keys"]
        assert (len(key["x"]), len(key["y"])) == (43, 43)
        if base64.urlsafe_b64decode(key["x"] + "=")[0] == 0:
            return
    pytest.fail("no key with a leading zero byte among 2000")


@pytest.mark.parametrize("kind", ["nothing", "text", "public", "encrypted", "rsa", "P-384"])
def test_other_keys_are_refused(kind: str) -> None:
    elliptic = ec.generate_private_key(ec.SECP256R1())
    plain = Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    pem = {
        "nothing": b"",
        "text": b"not a key",
        "public": elliptic.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "encrypted": elliptic.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")),
        "rsa": rsa.generate_private_key(65537, 2048).private_bytes(*plain),
        "P-384": ec.generate_private_key(ec.SECP384R1()).private_bytes(*plain),
    }[kind]
    with pytest.raises(ValueError, match="not an unencrypted P-256 private key in PEM form"):
        load_signing_key(pem.decode())


def _encoded(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()
