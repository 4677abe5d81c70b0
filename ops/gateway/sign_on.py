"""Who is signed on at the identity provider: the edge says so, and proves that it is the edge."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request

from ops.config import EMAIL_HEADER, PROOF_HEADER, Person

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SignedOn:
    """Knows browsers by what the edge says of them.

    A browser sends its cookie to this address by itself, also when another site's page makes it ask. That page gains nothing:
    it cannot read the answer, which allows no other origin (https://fetch.spec.whatwg.org/#http-cors-protocol), and asking
    for a token changes nothing. The cookie is `SameSite=Lax` besides. What does change something wants the token itself.

    Attributes:
        proof: The secret that only the edge has.
        people: By e-mail address in lower case.
    """

    proof: str
    people: Mapping[str, Person]

    def person(self, request: Request) -> Person | None:
        """Return whose browser asks; None for somebody who is not signed on."""
        email = request.headers.get(EMAIL_HEADER)
        if email is None:
            return None
        if not hmac.compare_digest(request.headers.get(PROOF_HEADER, "").encode("latin-1"), self.proof.encode()):
            _log.warning("sign-on ignored: the proof that the edge says so is wrong or missing")
            return None
        person = self.people.get(email.lower())
        if person is None:
            _log.warning("sign-on ignored: the configuration does not know this e-mail address", extra={"email": email[:128]})
        return person
