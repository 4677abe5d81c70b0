"""A registry client outside the emulated server: it knows the registry's name and its CA, and nothing else."""

from __future__ import annotations

import io
import random
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.paths import cache_folder
from ops.core.files import write_atomic
from ops.core.process import run
from tools.offline.tools import ensure_crane

_LIMIT_S = 300.0


@dataclass(frozen=True)
class Client:
    """crane, trusting a single CA.

    Attributes:
        registry: Where the registry is.
        folder: Holds the CA certificate and the client's credentials.
    """

    registry: str
    folder: Path

    @classmethod
    def of_operator(cls, outputs: Mapping[str, str], folder: Path) -> Client:
        """Return a client of the operator, who has logged in.

        Args:
            outputs: The outputs of a stack.
            folder: The client's own.

        Raises:
            CommandError: The registry refused.
        """
        client = cls(outputs["registry"], folder)
        client.trust(outputs["registry_authority"])
        client.login(outputs["registry_user"], outputs["registry_pass"])
        return client

    def trust(self, certificate: str) -> None:
        """Trust a CA, given as a PEM certificate, and no other."""
        write_atomic(self._authority, certificate)

    def login(self, user: str, password: str) -> None:
        """Sign in.

        Raises:
            CommandError: The registry refused.
        """
        self._crane(["auth", "login", self.registry, "-u", user, "--password-stdin"], stdin=password)

    def push(self, image: str, *, size: int = 1 << 20, seed: int | None = None) -> str:
        """Push an image of random content; return its digest.

        Args:
            image: `repository:tag`.
            size: Of its one layer in bytes.
            seed: The same one makes the same content.

        Raises:
            CommandError: The registry refused.
        """
        layer = self.folder / "layer.tar"
        with tarfile.open(layer, "w") as archive:
            member = tarfile.TarInfo("random")
            member.size = size
            archive.addfile(member, io.BytesIO(random.Random(seed).randbytes(size)))  # noqa: S311  # content, no secret
        self._crane(["append", "--new_layer", str(layer), "--new_tag", f"{self.registry}/{image}"])
        return self.digest(image)

    def pull(self, image: str) -> None:
        """Pull a whole image; crane verifies the digests.

        Raises:
            CommandError: The registry refused, or what came is not what was asked for.
        """
        self._crane(["pull", f"{self.registry}/{image}", str(self.folder / "pulled.tar")])

    def digest(self, image: str) -> str:
        """Return the digest of an image's manifest.

        Raises:
            CommandError: There is no such image.
        """
        return self._crane(["digest", f"{self.registry}/{image}"])

    def delete(self, image: str) -> None:
        """Delete a tag.

        Raises:
            CommandError: The registry refused.
        """
        self._crane(["delete", f"{self.registry}/{image}"])

    @property
    def _authority(self) -> Path:
        return self.folder / "authority.pem"

    def _crane(self, arguments: Sequence[str], stdin: str | None = None) -> str:
        environment = {"DOCKER_CONFIG": str(self.folder), "HOME": str(self.folder), "SSL_CERT_FILE": str(self._authority)}
        program = ensure_crane(cache_folder("offline"))
        return run([program, *arguments], stdin=stdin, env=environment, timeout=_LIMIT_S).stdout.strip()
