"""Files of age that a passphrase opens at once: deriving a key from it takes age's own two seconds of a core, on purpose.

All else is as age makes it: https://age-encryption.org/v1.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import textwrap

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_INTRO = "age-encryption.org/v1"
_LOG_N, _R, _P = 4, 8, 1
_NO_NONCE, _LAST_CHUNK_NONCE = bytes(12), bytes(11) + b"\x01"
_CHUNK_BYTES = 64 << 10
_COLUMNS = 64


def encrypt(content: bytes, passphrase: str, *, armored: bool = False) -> bytes:
    """Return content, encrypted: as `pyrage.passphrase.encrypt`, for what fits one chunk."""
    assert len(content) <= _CHUNK_BYTES
    file_key, salt, nonce = os.urandom(16), os.urandom(16), os.urandom(16)
    wrapping = hashlib.scrypt(passphrase.encode(), salt=f"{_INTRO}/scrypt".encode() + salt, n=1 << _LOG_N, r=_R, p=_P, dklen=32)
    wrapped = ChaCha20Poly1305(wrapping).encrypt(_NO_NONCE, file_key, None)
    header = f"{_INTRO}\n-> scrypt {_unpadded(salt)} {_LOG_N}\n{_unpadded(wrapped)}\n---".encode()
    mac = hmac.digest(_derived(file_key, b"", "header"), header, "sha256")
    sealed = ChaCha20Poly1305(_derived(file_key, nonce, "payload")).encrypt(_LAST_CHUNK_NONCE, content, None)
    file = header + f" {_unpadded(mac)}\n".encode() + nonce + sealed
    return _armoured(file) if armored else file


def _unpadded(content: bytes) -> str:
    return base64.b64encode(content).decode().rstrip("=")


def _derived(key: bytes, salt: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), length=32, salt=salt, info=purpose.encode()).derive(key)


def _armoured(file: bytes) -> bytes:
    lines = textwrap.wrap(base64.b64encode(file).decode(), _COLUMNS)
    return "\n".join(["-----BEGIN AGE ENCRYPTED FILE-----", *lines, "-----END AGE ENCRYPTED FILE-----", ""]).encode()
