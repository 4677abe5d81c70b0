"""Messages in Gotify's format: JSON for /message, in plain text, since Markdown would load the images it names.

https://gotify.net/docs/msgextras
"""

from __future__ import annotations

import json

from ops.config.notify import Severity
from ops.notify.message import Letter, body_of

# Gotify has no limit of its own; the smallest limit of its databases is 65,535 bytes.
BODY_BYTES = 16_000
# Phones make a sound from 4 up, and vibrate from 8 up.
PRIORITIES = {Severity.INFO: 2, Severity.WARNING: 5, Severity.ERROR: 8, Severity.CRITICAL: 10}


def gotify_json(letter: Letter) -> bytes:
    """Return the body of the request that sends a message."""
    message = letter.message
    extras: dict[str, object] = {"client::display": {"contentType": "text/plain"}}
    if message.actions:
        extras["client::notification"] = {"click": {"url": message.actions[0].url}}
    document = {
        "title": message.title,
        "message": body_of(letter, BODY_BYTES, links=True),
        "priority": PRIORITIES[message.severity],
        "extras": extras,
    }
    return json.dumps(document, ensure_ascii=False).encode()
