"""Reports of drills, kept and signed: what a report says, and when, cannot be changed afterwards without the key.

The key is one of its own, not that of the token service, so that no report can ever be taken for a token. It is made here, and
travels in backups. A proof is a JSON Web Signature (RFC 7515) of the report, with the public key in its header.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from ops.backups.standing import FOLDER
from ops.config import DRILL_KEY
from ops.core import exit_codes
from ops.core.files import write_atomic
from ops.credentials.keys import load_signing_key, signing_key_from_seed
from ops.stack.stack import Stack
from ops.tasks.drill.model import SCHEMA

_ALGORITHM, _TYPE = "ES256", "drill-report"
_KEPT = 60


class ProofError(Exception):
    """A report of a drill is missing, or not what was signed; the message says which."""

    exit_code = exit_codes.MISMATCH


@dataclass(frozen=True)
class Proof:
    """A report that was verified.

    Attributes:
        name: Its name.
        report: What it says.
        key: The thumbprint (RFC 7638) of the key that has signed it.
    """

    name: str
    report: Mapping[str, Any]
    key: str


@dataclass(frozen=True)
class Proofs:
    """The reports of a stack's drills.

    Attributes:
        folder: Where they are.
        key_file: The key that signs them: elsewhere, since what shows the reports is not to have it.
    """

    folder: Path
    key_file: Path

    def keep(self, document: Mapping[str, Any]) -> str:
        """Sign and keep a report, and drop the oldest ones; return its name.

        Raises:
            OSError: It cannot be written.
        """
        key = self._key()
        text = json.dumps(document, sort_keys=True)
        header = {"alg": _ALGORITHM, "typ": _TYPE, "kid": key.thumbprint(), "jwk": key.as_dict(private=False)}
        signed = jws.serialize_compact(header, text.encode(), key, algorithms=[_ALGORITHM])
        name = f"{document['at'].replace(':', '').replace('-', '')[:15]}-{document['backup']}"
        write_atomic(self._file(name), json.dumps({"report": document, "proof": signed}, indent=1) + "\n", mode=0o640)
        for old in self.names()[:-_KEPT]:
            self._file(old).unlink(missing_ok=True)
        return name

    def names(self) -> list[str]:
        """Return the names of all reports, the oldest first."""
        return sorted(path.stem for path in self.folder.glob("*.json"))

    def reports(self) -> list[Mapping[str, Any]]:
        """Return what all reports say, the newest first, without looking whether that is what was signed."""
        found: list[Mapping[str, Any]] = []
        for name in reversed(self.names()):
            with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
                report = json.loads(self._file(name).read_text())["report"]
                if report["schema"] == SCHEMA:
                    found.append(report)
        return found

    def get(self, name: str = "") -> Proof:
        """Return a report, verified with this stack's key.

        Args:
            name: Its name; empty for the last one.

        Raises:
            ProofError: There is none, or it is not what this stack has signed.
        """
        names = self.names()
        chosen = name or (names[-1] if names else "")
        if chosen not in names:
            raise ProofError(f"there is no drill called {name}" if name else "there was none yet; `regops drill` runs one")
        return verified(self._file(chosen), key=self._key().thumbprint())

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def _key(self) -> ECKey:
        if (old := self.folder / "key.pem").exists():  # where it was before 1.0
            write_atomic(self.key_file, old.read_text(), mode=0o600)
            old.unlink()
        if not self.key_file.exists():
            write_atomic(self.key_file, signing_key_from_seed(secrets.token_hex(32)), mode=0o600)
        return load_signing_key(self.key_file.read_text())


def verified(file: Path, *, key: str = "") -> Proof:
    """Return the report in a file, if it is what was signed. That needs nothing else, on any machine.

    Args:
        file: The file.
        key: The thumbprint of the key that has to have signed it; empty for any.

    Raises:
        ProofError: It is not what was signed, or by another key.
        OSError: It cannot be read.
    """
    try:
        kept = json.loads(file.read_text())
        header = jws.extract_compact(kept["proof"].encode()).headers()
        public = ECKey.import_key(header["jwk"])
        signed = jws.deserialize_compact(kept["proof"], public, algorithms=[_ALGORITHM])
        said = json.loads(signed.payload)
        thumbprint = public.thumbprint()
    except (ValueError, LookupError, TypeError, AttributeError, JoseError) as error:
        raise ProofError(f"{file}: is not what was signed ({error})") from None
    if header.get("typ") != _TYPE or said != kept["report"]:
        raise ProofError(f"{file}: is not what was signed: its report was changed")
    if key and key != thumbprint:
        raise ProofError(f"{file}: was signed with another key, {thumbprint}")
    return Proof(file.stem, said, thumbprint)


def proofs_of(stack: Stack) -> Proofs:
    """Return the reports of a stack's drills."""
    return Proofs(stack.data / FOLDER / "drills", stack.root / DRILL_KEY)
