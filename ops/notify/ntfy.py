"""Messages in ntfy's format: JSON for the root of the server, in plain text, since phones do not render Markdown.

https://docs.ntfy.sh/publish/#publish-as-json
"""

from __future__ import annotations

import json

from ops.config.notify import Severity
from ops.notify.message import Letter, body_of

# ntfy turns messages of 4,096 bytes and more into attachments, or refuses them where attachments are off, and refuses JSON of
# 8,192 bytes and more (measured with 2.11). Phones get message and title in one packet of about 4 kB.
BODY_BYTES = 3500
PRIORITIES = {Severity.INFO: 2, Severity.WARNING: 3, Severity.ERROR: 4, Severity.CRITICAL: 5}
# Short names of emoji: https://docs.ntfy.sh/emojis/
TAGS = {
    Severity.INFO: "information_source",
    Severity.WARNING: "warning",
    Severity.ERROR: "x",
    Severity.CRITICAL: "rotating_light",
}


def ntfy_json(letter: Letter, topic: str) -> bytes:
    """Return the body of the request that publishes a message."""
    message = letter.message
    document: dict[str, object] = {
        "topic": topic,
        "title": message.title,
        "message": body_of(letter, BODY_BYTES),
        "priority": PRIORITIES[message.severity],
        "tags": list(message.tags) or [TAGS[message.severity]],
    }
    if message.actions:
        document["click"] = message.actions[0].url
        document["actions"] = [{"action": "view", "label": one.label, "url": one.url} for one in message.actions]
    return json.dumps(document, ensure_ascii=False).encode()
