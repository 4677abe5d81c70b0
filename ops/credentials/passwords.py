"""Password hashes: bcrypt over a digest, with a derived salt, so that rendering a file twice gives the same text."""

from __future__ import annotations

import base64
import hashlib
import hmac

import bcrypt

DEFAULT_COST = 10
_SALT_BYTES = 16
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BCRYPT_BASE64 = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def password_hash(password: str, salt_seed: str, cost: int = DEFAULT_COST) -> str:
    """Return the bcrypt hash of a password; the same arguments always give the same hash.

    Args:
        password: A password of any length.
        salt_seed: Random secret text, different for each account. The salt is derived from it and the password.
        cost: log2 of bcrypt's rounds, 4 to 31. A cost of 10 takes some 50 ms on one core.

    Raises:
        ValueError: The cost is out of range.
    """
    salt = hmac.digest(salt_seed.encode(), password.encode(), hashlib.sha256)[:_SALT_BYTES]
    encoded = base64.b64encode(salt).rstrip(b"=").translate(bytes.maketrans(_BASE64, _BCRYPT_BASE64))
    return bcrypt.hashpw(_prepared(password), b"$2b$%02d$%b" % (cost, encoded)).decode()


def password_matches(password: str, hashed: str) -> bool:
    """Whether a password belongs to a hash made by `password_hash`. A wrong one takes as long as the right one."""
    return bcrypt.checkpw(_prepared(password), hashed.encode())


def unmatched_hash(cost: int) -> str:
    """Return a valid hash whose password nobody knows, so that unknown accounts take as long to check as known ones."""
    return f"$2b${cost:02d}${'.' * 53}"


def _prepared(password: str) -> bytes:
    # bcrypt takes at most 72 bytes and no NUL. A base64 digest fits, and every byte of the password counts.
    return base64.b64encode(hashlib.sha256(password.encode()).digest())
