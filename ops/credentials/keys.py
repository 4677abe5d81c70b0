"""The key that signs the registry's tokens: derived from a seed, and published to the registry as a JSON Web Key Set."""

from __future__ import annotations

import json

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

_MIN_SEED_BYTES = 32
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_LABEL = b"private-registry token signing key, version 1"


def signing_key_from_seed(seed: str) -> str:
    """Return the P-256 private key (PEM, PKCS #8) that belongs to a seed; the same seed always gives the same key.

    Args:
        seed: Random text of at least 32 bytes. Whoever has it has the key.

    Raises:
        ValueError: The seed is too short.
    """
    secret = seed.encode()
    if len(secret) < _MIN_SEED_BYTES:
        raise ValueError(f"the seed of the signing key has {len(secret)} bytes; it needs at least {_MIN_SEED_BYTES} random bytes")
    # 128 bits more than the order, so that the remainder is not biased (FIPS 186-5, A.2.1).
    wide = HKDF(algorithm=hashes.SHA256(), length=48, salt=None, info=_LABEL).derive(secret)
    scalar = int.from_bytes(wide, "big") % (_P256_ORDER - 1) + 1
    key = ec.derive_private_key(scalar, ec.SECP256R1())
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


def load_signing_key(pem: str) -> ECKey:
    """Return the key in a PEM text, with its RFC 7638 thumbprint as `kid`.

    Raises:
        ValueError: It is not an unencrypted P-256 private key.
    """
    try:
        key = ECKey.import_key(pem)
    except (ValueError, TypeError, JoseError) as error:
        raise ValueError("not an unencrypted P-256 private key in PEM form") from error
    if not key.is_private or key.curve_name != "P-256":
        raise ValueError("not an unencrypted P-256 private key in PEM form")
    key.ensure_kid()
    return key


def public_jwks(*pems: str) -> str:
    """Return the JSON Web Key Set with the public halves of private keys, for the registry's `auth.token.jwks`.

    The order of the keys says nothing, so that the registry is not replaced for another order.

    Raises:
        ValueError: As `load_signing_key`.
    """
    keys = sorted(map(load_signing_key, pems), key=lambda key: str(key.kid))
    public = [key.as_dict(private=False, alg="ES256", use="sig") for key in keys]
    return json.dumps({"keys": public}, indent=2, sort_keys=True) + "\n"
