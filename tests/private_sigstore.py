"""A sigstore that only tests know: an authority for people's certificates, both logs, and a TUF repository that vouches for them.

The real cosign verifies against it as it does against the public one. What the public one's services give to who signs, the
certificate and the logs' promises, is made here as they would make it; tests/signing_services.py gives it to a cosign that signs.

https://github.com/sigstore/cosign/blob/v2.6.5/specs/SIGNATURE_SPEC.md, RFC 6962 for the promise within the certificate,
https://theupdateframework.github.io/specification/latest/ for the repository.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import hashlib
import json
import os
import struct
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from ops.core.process import run
from tests.loopback_server import Answer, serving

_LIMIT_S = 60.0
_SHA256 = ec.ECDSA(hashes.SHA256())
# https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md
_ISSUER = ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
_PROMISES = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_NOT_YET, _LONG = datetime.timedelta(minutes=5), datetime.timedelta(days=1)
_SPEC, _LOG = "1.0.31", "rekor.example.com"


@dataclass(frozen=True)
class Claim:
    """What a signature by a certificate consists of.

    Attributes:
        payload: What was signed.
        signature: The signature, in base64.
        certificate: The signer's, as PEM.
        entry: That of the log, with its promise.
    """

    payload: bytes
    signature: str
    certificate: bytes
    entry: Mapping[str, Any]


class Sigstore:
    """A sigstore; it is served while `running`.

    Attributes:
        cosign: The program.
        folder: Where its files lie.
        url: Where its TUF repository is.
        root: The file that one begins to trust it with.
        trusted: The file that says what is trusted, which the repository has as well.
    """

    def __init__(self, cosign: Path, folder: Path) -> None:
        """Make its keys, and what vouches for them.

        Args:
            cosign: The program, which writes the list of what is trusted.
            folder: Where its files lie.
        """
        self.cosign, self.folder = cosign, folder
        self._authority, self._certificates, self._log = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
        self._root = self._signed_certificate("an authority of tests", self._authority.public_key(), authority=True)
        folder.mkdir()
        self.url, self.root, self.trusted = "", folder / "root.json", folder / "trusted_root.json"
        self._files = self._repository()

    @contextlib.contextmanager
    def running(self) -> Iterator[Sigstore]:
        """Serve its repository."""

        def answer(_: str, path: str, __: Mapping[str, str]) -> Answer:
            content = self._files.get(path.removeprefix("/"))
            return (404, {}, b"") if content is None else (200, {}, content)

        with serving(answer) as port:
            self.url = f"http://127.0.0.1:{port}"
            yield self

    def trust(self, folder: Path) -> None:
        """Have a folder of cosign's trust it, as people do who have a sigstore of their own."""
        environment = {"PATH": os.defpath, "HOME": str(folder), "TUF_ROOT": str(folder)}
        run([self.cosign, "initialize", "--mirror", self.url, "--root", self.root], timeout=_LIMIT_S, env=environment)

    def sign(self, image: str, identity: str, issuer: str, *, logged: bool = True) -> None:
        """Sign an image, and put the signature beside it.

        Args:
            image: Its registry and repository, and its digest.
            identity: Whose signature it is.
            issuer: Who has vouched for that.
            logged: Whether the log has seen it.
        """
        claim = self._claim(image, identity, issuer)
        files = {
            "payload": claim.payload,
            "signature": claim.signature.encode(),
            "certificate": claim.certificate,
            "certificate-chain": self._root.public_bytes(Encoding.PEM),
        }
        if logged:
            files["rekor-response"] = json.dumps({"rekorBundle": claim.entry}).encode()
        words: list[str | Path] = [self.cosign, "attach", "signature"]
        for name, content in files.items():
            (self.folder / name).write_bytes(content)
            words += [f"--{name}", self.folder / name]
        run([*words, image], timeout=_LIMIT_S, env={"PATH": os.defpath, "HOME": str(self.folder)})

    def _claim(self, image: str, identity: str, issuer: str) -> Claim:
        name, _, digest = image.partition("@")
        critical = {
            "identity": {"docker-reference": name},
            "image": {"docker-manifest-digest": digest},
            "type": "cosign container image signature",
        }
        payload = json.dumps({"critical": critical, "optional": None}).encode()
        key = ec.generate_private_key(ec.SECP256R1())
        certificate, _ = self.certificates(identity, issuer, key.public_key())
        signature = base64.b64encode(key.sign(payload, _SHA256)).decode()
        return Claim(payload, signature, certificate, self.logged(_hashed(payload, signature, certificate)))

    def certificates(self, identity: str, issuer: str, key: ec.EllipticCurvePublicKey) -> tuple[bytes, bytes]:
        """Return a certificate of somebody's key, and that of the authority, as PEM."""
        given, root = self._certificate_of(identity, issuer, key), self._root
        return given.public_bytes(Encoding.PEM), root.public_bytes(Encoding.PEM)

    def logged(self, entry: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what the log promises of an entry."""
        said = {
            "body": base64.b64encode(_canonical(entry)).decode(),
            "integratedTime": int(time.time()),
            "logID": hashlib.sha256(_der(self._log)).hexdigest(),
            "logIndex": 1,
        }
        promise = self._log.sign(_canonical(said), _SHA256)
        return {"SignedEntryTimestamp": base64.b64encode(promise).decode(), "Payload": said}

    def listed(self, entry: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the proof that an entry is in the log, whose only one it is: RFC 6962, and a signed note about the root."""
        root = hashlib.sha256(bytes(1) + _canonical(entry)).digest()
        note = f"{_LOG} - 1\n1\n{base64.b64encode(root).decode()}\n"
        signature = hashlib.sha256(_der(self._log)).digest()[:4] + self._log.sign(note.encode(), _SHA256)
        checkpoint = f"{note}\n\N{EM DASH} {_LOG} {base64.b64encode(signature).decode()}\n"
        return {"checkpoint": checkpoint, "hashes": [], "logIndex": 0, "rootHash": root.hex(), "treeSize": 1}

    def _certificate_of(self, identity: str, issuer: str, key: ec.EllipticCurvePublicKey) -> x509.Certificate:
        """Return a certificate that has the log's promise to list it: made of the one without it."""
        given: list[tuple[x509.ExtensionType, bool]] = [
            (x509.KeyUsage(True, *[False] * 8), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), False),
            (x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identity)]), True),
            (x509.UnrecognizedExtension(_ISSUER, issuer.encode()), False),
        ]
        number = x509.random_serial_number()
        before = self._signed_certificate("", key, given, number=number)
        promise = x509.UnrecognizedExtension(_PROMISES, self._promise(before.tbs_certificate_bytes))
        return self._signed_certificate("", key, [*given, (promise, False)], number=number, at=before.not_valid_before_utc)

    def _promise(self, certificate: bytes) -> bytes:
        at = int(time.time() * 1000)
        issuer = hashlib.sha256(_der(self._authority)).digest()
        told = struct.pack(">BBQH", 0, 0, at, 1) + issuer + len(certificate).to_bytes(3, "big") + certificate + bytes(2)
        signature = self._certificates.sign(told, _SHA256)
        one = bytes(1) + hashlib.sha256(_der(self._certificates)).digest() + struct.pack(">QHBBH", at, 0, 4, 3, len(signature))
        one += signature
        listed = struct.pack(">HH", len(one) + 2, len(one)) + one
        return bytes([0x04, len(listed)]) + listed  # of fewer than 128 bytes, as it is with such keys

    def _signed_certificate(
        self,
        name: str,
        key: ec.EllipticCurvePublicKey,
        extensions: list[tuple[x509.ExtensionType, bool]] | None = None,
        *,
        authority: bool = False,
        number: int = 1,
        at: datetime.datetime | None = None,
    ) -> x509.Certificate:
        since = at or datetime.datetime.now(datetime.UTC) - _NOT_YET
        builder = (
            x509.CertificateBuilder(issuer_name=_named("an authority of tests"), subject_name=_named(name), public_key=key)
            .serial_number(number)
            .not_valid_before(since)
            .not_valid_after(since + _LONG)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._authority.public_key()), critical=False)
        )
        for extension, critical in extensions or ():
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(self._authority, hashes.SHA256())

    def _repository(self) -> dict[str, bytes]:
        """Return the files of the TUF repository, whose one target says what is trusted."""
        key = ed25519.Ed25519PrivateKey.generate()
        public = {"public": key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()}
        described = {"keytype": "ed25519", "scheme": "ed25519", "keyval": public}
        named = hashlib.sha256(_canonical(described)).hexdigest()
        trusted = self._trusted_root()
        found = {"trusted_root.json": {"length": len(trusted), "hashes": {"sha256": hashlib.sha256(trusted).hexdigest()}}}

        def signed(kind: str, **more: Any) -> bytes:
            expires = (datetime.datetime.now(datetime.UTC) + _LONG).strftime("%Y-%m-%dT%H:%M:%SZ")
            told = {"_type": kind, "spec_version": _SPEC, "version": 1, "expires": expires, **more}
            return _canonical({"signatures": [{"keyid": named, "sig": key.sign(_canonical(told)).hex()}], "signed": told})

        roles = {role: {"keyids": [named], "threshold": 1} for role in ("root", "timestamp", "snapshot", "targets")}
        root = signed("root", consistent_snapshot=True, keys={named: described}, roles=roles)
        self.root.write_bytes(root)
        return {
            "1.root.json": root,
            "timestamp.json": signed("timestamp", meta={"snapshot.json": {"version": 1}}),
            "1.snapshot.json": signed("snapshot", meta={"targets.json": {"version": 1}}),
            "1.targets.json": signed("targets", targets=found),
            f"targets/{hashlib.sha256(trusted).hexdigest()}.trusted_root.json": trusted,
        }

    def _trusted_root(self) -> bytes:
        since = f"start-time={datetime.datetime.now(datetime.UTC) - _LONG:%Y-%m-%dT%H:%M:%SZ}"
        pem = {
            "authority": self._root.public_bytes(Encoding.PEM),
            "certificates": _pem(self._certificates),
            "log": _pem(self._log),
        }
        for name, content in pem.items():
            (self.folder / name).write_bytes(content)
        words = [
            f"--fulcio=url=https://fulcio.example.com,certificate-chain={self.folder / 'authority'}",
            f"--ctfe=url=https://ctfe.example.com,public-key={self.folder / 'certificates'},{since}",
            f"--rekor=url=https://{_LOG},public-key={self.folder / 'log'},{since}",
            f"--out={self.trusted}",
        ]
        run(
            [self.cosign, "trusted-root", "create", *words],
            timeout=_LIMIT_S,
            env={"PATH": os.defpath, "HOME": str(self.folder)},
        )
        return self.trusted.read_bytes()


def _hashed(payload: bytes, signature: str, certificate: bytes) -> Mapping[str, Any]:
    """Return a log's entry about a signature."""
    hashed = {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()}
    signed = {"content": signature, "publicKey": {"content": base64.b64encode(certificate).decode()}}
    return {"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {"data": {"hash": hashed}, "signature": signed}}


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _der(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else [])
