"""Who is signed on at the identity provider: the edge tells, and proves that it is the edge."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.requests import Request

from ops.config import EMAIL_HEADER, PROOF_HEADER, Person

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SignedOn:
    """Recognises signed-on browsers by the headers that the edge adds.

    A browser sends its cookie here even when another site's page makes the request. That page gains nothing: it cannot read the
    answer, which allows no other origin (https://fetch.spec.whatwg.org/#http-cors-protocol), and asking for a token changes
    nothing. The cookie is also `SameSite=Lax`. Requests that do change something need the token itself.

    Attributes:
        proof: A secret that only the edge has.
        people: Returns those who have rights, by e-mail address in lower case.
    """

    proof: str
    people: Callable[[], Mapping[str, Person]]

    def person(self, request: Request) -> Person | None:
        """Return whose browser sent the request; None if nobody is signed on."""
        email = request.headers.get(EMAIL_HEADER)
        if email is None:
            return None
        if not hmac.compare_digest(request.headers.get(PROOF_HEADER, "").encode("latin-1"), self.proof.encode()):
            _log.warning("sign-on ignored: the edge's proof is wrong or missing")
            return None
        person = self.people().get(email.lower())
        if person is None:
            _log.warning("sign-on ignored: this e-mail address is not in the configuration", extra={"email": email[:128]})
        return person
