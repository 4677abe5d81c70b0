"""Repositories of restic that open at once: deriving a key from its password takes it half a second of a core, on purpose.

All else is as restic makes it: https://github.com/restic/restic/blob/v0.18.0/doc/design.rst#keys-encryption-and-mac
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.poly1305 import Poly1305

from infra.paths import cache_folder
from ops.core.process import run
from tools.offline.tools import ensure_restic

_FOLDERS = ("data", "index", "keys", "locks", "snapshots")
_IV_BYTES = _MAC_BYTES = 16
# The least that restic takes: its own tests use it.
_QUICK = {"N": 128, "r": 1, "p": 1}
_MOST_MEMORY = 1 << 30


def make_repository(folder: Path, *passwords: str) -> None:
    """Make a repository that each of these passwords opens.

    Args:
        folder: Where; it may be there, and empty.
        passwords: In the order in which they would have been added.
    """
    config, master_key = _made_by_restic()
    for name in _FOLDERS:
        (folder / name).mkdir(parents=True)
    (folder / "config").write_bytes(config)
    for password in passwords:
        content = json.dumps(_key(password, master_key)).encode()
        (folder / "keys" / hashlib.sha256(content).hexdigest()).write_bytes(content)


@cache
def _made_by_restic() -> tuple[bytes, bytes]:
    """Return the configuration and the master key of a repository."""
    with tempfile.TemporaryDirectory() as folder:
        password = Path(folder, "password")
        password.write_text("quick")
        restic = ensure_restic(cache_folder("offline"))
        run([restic, "--repo", f"{folder}/made", "--password-file", password, "--no-cache", "init"], timeout=120)
        (key,) = Path(folder, "made/keys").iterdir()
        return Path(folder, "made/config").read_bytes(), _opened(json.loads(key.read_text()), "quick")


def _key(password: str, master_key: bytes) -> dict[str, Any]:
    salt = os.urandom(64)
    encryption, mac = _derived(password, salt, _QUICK)
    iv = os.urandom(_IV_BYTES)
    sealed = _ciphered(encryption, iv, master_key)
    data = iv + sealed + _mac(mac, iv, sealed)
    return {
        "created": "2026-01-01T00:00:00Z",
        "username": "",
        "hostname": "",
        "kdf": "scrypt",
        **_QUICK,
        "salt": base64.b64encode(salt).decode(),
        "data": base64.b64encode(data).decode(),
    }


def _opened(key: dict[str, Any], password: str) -> bytes:
    encryption, mac = _derived(password, base64.b64decode(key["salt"]), key)
    data = base64.b64decode(key["data"])
    iv, sealed, given = data[:_IV_BYTES], data[_IV_BYTES:-_MAC_BYTES], data[-_MAC_BYTES:]
    assert _mac(mac, iv, sealed) == given
    return _ciphered(encryption, iv, sealed)


def _derived(password: str, salt: bytes, cost: dict[str, Any]) -> tuple[bytes, bytes]:
    n, r, p = (int(cost[name]) for name in ("N", "r", "p"))
    derived = hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=_MOST_MEMORY, dklen=64)
    return derived[:32], derived[32:]


def _ciphered(key: bytes, iv: bytes, content: bytes) -> bytes:
    return Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor().update(content)


def _mac(key: bytes, iv: bytes, content: bytes) -> bytes:
    """Poly1305-AES: https://cr.yp.to/mac.html."""
    k, r = key[:16], key[16:]
    return Poly1305.generate_tag(r + Cipher(algorithms.AES(k), modes.ECB()).encryptor().update(iv), content)  # noqa: S305
