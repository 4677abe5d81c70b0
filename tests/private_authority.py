"""A certificate authority that only tests know, and what it signs: as private ones are, without what public ones must add."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Authority:
    """An authority.

    Attributes:
        certificate: Its own certificate, as PEM.
        server: A file with a certificate for localhost that it has signed, and the key.
    """

    certificate: str
    server: Path


def authority(folder: Path) -> Authority:
    """Make an authority, and have it sign a certificate that is valid for an hour."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    root = _certificate("an authority of tests", keys[0].public_key(), "an authority of tests", keys[0], is_authority=True)
    leaf = _certificate("localhost", keys[1].public_key(), "an authority of tests", keys[0], is_authority=False)
    server = folder / "server.pem"
    key = keys[1].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    server.write_bytes(leaf.public_bytes(Encoding.PEM) + key)
    return Authority(root.public_bytes(Encoding.PEM).decode(), server)


def _certificate(
    name: str, key: ec.EllipticCurvePublicKey, issuer: str, signer: ec.EllipticCurvePrivateKey, *, is_authority: bool
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(signer, hashes.SHA256())
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
