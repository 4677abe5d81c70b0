"""`/ssh_keys`: public keys for root on future servers."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any

from pydantic import Field

from tools.emulation.api.errors import invalid, not_unique
from tools.emulation.api.labels import Labels
from tools.emulation.api.listing import listing
from tools.emulation.api.model import SshKey
from tools.emulation.api.web import Answer, Body, Call, Operation, Operations, created, no_content, ok, update


class _Create(Body):
    name: str
    public_key: str
    labels: Labels = Field(default_factory=dict)


def show(key: SshKey) -> dict[str, Any]:
    """Return a key as the API shows it."""
    return {
        "id": key.id,
        "name": key.name,
        "fingerprint": key.fingerprint,
        "public_key": key.public_key,
        "labels": key.labels,
        "created": key.created.isoformat(),
    }


def _fingerprint(public_key: str) -> str:
    """Return the MD5 fingerprint, which the API still shows."""
    try:
        kind, encoded = public_key.split()[:2]
        blob = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error) as error:
        raise invalid("public_key", "is not a public key of OpenSSH") from error
    # RFC 4253, 6.6: the key starts with the length and name of its type.
    if not kind.isascii() or blob[4 : 4 + len(kind)] != kind.encode():
        raise invalid("public_key", "is not a public key of OpenSSH")
    return hashlib.md5(blob, usedforsecurity=False).digest().hex(":")


def _create(call: Call) -> Answer:
    wanted, state = call.body(_Create), call.state
    fingerprint = _fingerprint(wanted.public_key)
    if any(key.fingerprint == fingerprint for key in state.ssh_keys):
        raise not_unique("SSH key", "fingerprint")
    key = SshKey(id=state.new_id(), name=wanted.name, labels=wanted.labels, public_key=wanted.public_key, fingerprint=fingerprint)
    return created(ssh_key=show(state.ssh_keys.add(key)))


def _list(call: Call) -> Answer:
    return listing(call, "ssh_keys", map(show, call.state.ssh_keys), fields=("name", "fingerprint"))


def _get(call: Call) -> Answer:
    return ok(ssh_key=show(call.state.ssh_keys.get(call.id())))


def _update(call: Call) -> Answer:
    return ok(ssh_key=show(update(call, call.state.ssh_keys)))


def _delete(call: Call) -> Answer:
    call.state.ssh_keys.remove(call.state.ssh_keys.get(call.id()).id)
    return no_content()


OPERATIONS: Operations = (
    Operation("POST", "/ssh_keys", _create),
    Operation("GET", "/ssh_keys", _list),
    Operation("GET", "/ssh_keys/{id}", _get),
    Operation("PUT", "/ssh_keys/{id}", _update),
    Operation("DELETE", "/ssh_keys/{id}", _delete),
)
