"""Asks the real cosign whether an image upstream is signed as somebody wants it: https://docs.sigstore.dev/cosign/verifying/verify/."""

from __future__ import annotations

import base64
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.catalogue.entry import Verification
from ops.config import HUB
from ops.core.answers import shown
from ops.core.files import write_atomic
from ops.core.process import CommandError, run
from ops.registry.client import Login
from ops.upstream.cosign_fetching import CosignError
from ops.upstream.cosign_program import CosignProgram

_LIMIT_S = 120.0
_HUB_LOGIN = "https://index.docker.io/v1/"
# The proxies that it is to use, as other programs do.
_PASSED_ON = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy")
# Signatures often come some moments after their image: https://github.com/sigstore/cosign/blob/v2.6.5/cmd/cosign/errors/exit_codes.go
_UNSIGNED = {10, 11}
_UNSIGNED_WORDS = ("no signatures found", "image tag not found")


class UnverifiedError(Exception):
    """An image is not signed as it should be, or that cannot be known.

    Attributes:
        passes: Whether trying again later may help.
    """

    def __init__(self, message: str, *, passes: bool) -> None:
        super().__init__(message)
        self.passes = passes


@dataclass(frozen=True)
class Cosign:
    """cosign, for the images of one upstream registry.

    Attributes:
        program: Which one.
        folder: Where it keeps sigstore's roots.
        registry: The registry.
        login: An account there.
        ca: Certificates (PEM) that vouch for it besides the public ones.
    """

    program: CosignProgram
    folder: Path
    registry: str
    login: Login | None = None
    ca: str | None = None

    def verify(self, repository: str, digest: str, wanted: Verification) -> None:
        """Verify an image.

        Args:
            repository: Its repository there.
            digest: Its digest.
            wanted: Who must have signed it.

        Raises:
            UnverifiedError: It is not signed so, or cosign cannot tell.
            OSError: What cosign is told cannot be written.
        """
        try:
            program = self.program.ready()
        except CosignError as error:
            raise UnverifiedError(f"wants its signatures verified, and cosign is not there: {error}", passes=True) from None
        with self._told(wanted) as told:
            image = f"{self.registry}/{repository}@{digest}"
            words: list[str | Path] = [program, "verify", *options(wanted, told), image]
            try:
                run(words, timeout=_LIMIT_S, env=self._environment(told))
            except CommandError as error:
                raise unverified(error) from None

    def _environment(self, told: Path) -> dict[str, str]:
        ca = {"SSL_CERT_FILE": str(told / "ca.pem")} if self.ca else {}  # those in the system's folder count, too
        passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        return {
            "PATH": os.defpath,
            "HOME": str(told),
            "DOCKER_CONFIG": str(told),
            "TUF_ROOT": str(self.folder),
            **ca,
            **passed,
        }

    @contextmanager
    def _told(self, wanted: Verification) -> Iterator[Path]:
        """Write what it is told into a folder of its own, which is removed afterwards: no secret is an argument.

        It is where nobody else may read, and no backup looks, in case that somebody is killed.
        """
        with tempfile.TemporaryDirectory(prefix="regops-cosign-") as name:
            folder = Path(name)
            host = _HUB_LOGIN if self.registry == HUB else self.registry
            given = f"{self.login.name}:{self.login.password}".encode() if self.login else b""
            logins = {host: {"auth": base64.b64encode(given).decode()}} if given else {}
            write_atomic(folder / "config.json", json.dumps({"auths": logins}), mode=0o600)
            if wanted.key:
                write_atomic(folder / "key.pub", wanted.key)
            if self.ca:
                write_atomic(folder / "ca.pem", self.ca)
            yield folder


def options(wanted: Verification, told: Path) -> list[str]:
    """Return how cosign is asked for what is wanted.

    Args:
        wanted: Who must have signed.
        told: The folder with the key.
    """
    if wanted.key:
        # A log that everybody can read is of no use to who signs with a key of their own, and would have to be reached.
        return ["--key", str(told / "key.pub"), *([] if wanted.transparency_log else ["--insecure-ignore-tlog=true"])]
    return ["--certificate-identity-regexp", f"^(?:{wanted.identity})$", "--certificate-oidc-issuer", wanted.issuer or ""]


def unverified(error: CommandError) -> UnverifiedError:
    """Return why an image is not verified, as cosign has said."""
    done = error.completed
    if done is None:
        return UnverifiedError(f"cosign could not verify it: {error}", passes=True)
    said = [shown(line.strip()) for line in done.stderr.splitlines() if line.strip()]
    why = next((line.removeprefix("Error: ") for line in said if line.startswith("Error: ")), said[-1] if said else "no reason")
    unsigned = done.returncode in _UNSIGNED or any(words in why for words in _UNSIGNED_WORDS)
    return UnverifiedError(f"is not signed as x-regops.verify wants it: {why}", passes=unsigned)
