"""STAND-INS for the services that the real cosign asks when it signs for an identity, of a sigstore that only tests know.

An authority gives a certificate to whoever shows a token, and a log takes signatures: of Fulcio's and Rekor's APIs the one
request that cosign sends to each. https://github.com/sigstore/fulcio/blob/main/fulcio.proto, https://github.com/sigstore/rekor
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from ops.core.process import run
from tests.private_sigstore import Sigstore
from tests.stack_components.edge.caddy import serving

_LIMIT_S = 60.0
_CERTIFICATES, _ENTRIES = "/api/v2/signingCert", "/api/v1/log/entries"


@contextlib.contextmanager
def signing_services(sigstore: Sigstore) -> Iterator[str]:
    """Run both, and give their address."""

    class Services(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the library's name
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            status, said = (
                (200, _certified(sigstore, token, asked)) if self.path == _CERTIFICATES else (201, _logged(sigstore, asked))
            )
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", next(iter(said)))
            self.send_header("Location", f"{_ENTRIES}/{next(iter(said))}")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    with serving(Services) as server:
        yield f"http://127.0.0.1:{server.server_address[1]}"


def sign_as(sigstore: Sigstore, image: str, identity: str, issuer: str) -> None:
    """Sign an image as cosign 3 does by itself: with a bundle that refers to the image.

    Args:
        sigstore: Whose services it asks.
        image: Its registry and repository, and its digest.
        identity: Whose signature it is.
        issuer: Who has vouched for that.
    """
    with signing_services(sigstore) as url:
        services = ["--use-signing-config=false", "--fulcio-url", url, "--rekor-url", url]
        token = ["--identity-token", _token({"iss": issuer, "sub": identity, "aud": "sigstore"})]
        words: list[str | Path] = [sigstore.cosign, "sign", *services, *token, "--trusted-root", sigstore.trusted, "--yes", image]
        run(words, timeout=_LIMIT_S, env={"PATH": os.defpath, "HOME": str(sigstore.folder)})


def _token(claims: Mapping[str, str]) -> str:
    """Return a token with a signature that is none: the authority believes all."""
    parts: Sequence[Mapping[str, str]] = ({"alg": "RS256"}, claims, {})
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)


def _certified(sigstore: Sigstore, token: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    key = load_pem_public_key(asked["publicKeyRequest"]["publicKey"]["content"].encode())
    assert isinstance(key, ec.EllipticCurvePublicKey)
    certificates = [one.decode() for one in sigstore.certificates(claims["sub"], claims["iss"], key)]
    return {"signedCertificateEmbeddedSct": {"chain": {"certificates": certificates}}}


def _logged(sigstore: Sigstore, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the log's answer to a signed statement; it keeps what identifies that."""
    content = asked["spec"]["proposedContent"]
    envelope = json.loads(content["envelope"])
    signed = [
        {"signature": one["sig"], "verifier": verifier}
        for one, verifier in zip(envelope["signatures"], content["verifiers"], strict=True)
    ]
    hashed = {
        "envelopeHash": _hash(content["envelope"].encode()),
        "payloadHash": _hash(base64.b64decode(envelope["payload"])),
        "signatures": signed,
    }
    entry = {"apiVersion": asked["apiVersion"], "kind": asked["kind"], "spec": hashed}
    promised = sigstore.logged(entry)
    proof = {"signedEntryTimestamp": promised["SignedEntryTimestamp"], "inclusionProof": sigstore.listed(entry)}
    return {hashlib.sha256(json.dumps(entry).encode()).hexdigest(): {**promised["Payload"], "verification": proof}}


def _hash(content: bytes) -> Mapping[str, str]:
    return {"algorithm": "sha256", "value": hashlib.sha256(content).hexdigest()}
