"""Passwords and services of Storage Boxes and their sub-accounts, and how the machines learn of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator

from tools.emulation.api.model import Action, Box
from tools.emulation.api.state import State
from tools.emulation.api.web import Body
from tools.emulation.machines import BoxAccount

KIND = "storage_box"
_DOMAIN = "your-storagebox.de"
# https://docs.hetzner.cloud/reference/hetzner#tag/storage-boxes/password-policy
_SPECIAL = r"^°!§$%/()=?+#\-.,;:~*@{}_&"
_ALPHABET = re.compile(rf"[a-zA-ZÄÖÜäöüß0-9{_SPECIAL}]{{12,128}}")
_CLASSES = ("[A-ZÄÖÜ]", "[a-zäöüß]", "[0-9]", f"[{_SPECIAL[1:]}^]")


def _password(text: str) -> str:
    if not _ALPHABET.fullmatch(text) or not all(re.search(kind, text) for kind in _CLASSES):
        raise ValueError("does not meet the password policy")
    return text


Password = Annotated[str, AfterValidator(_password)]


class ResetPassword(Body):
    """`reset_password`, of sub-accounts too."""

    password: Password


class BoxAccess(Body):
    """Services of a Storage Box; what is left out stays as it is, which is off in the beginning."""

    reachable_externally: bool | None = None
    samba_enabled: bool | None = None
    ssh_enabled: bool | None = None
    webdav_enabled: bool | None = None
    zfs_enabled: bool | None = None


class SubaccountAccess(Body):
    """Services of a sub-account."""

    reachable_externally: bool | None = None
    readonly: bool | None = None
    samba_enabled: bool | None = None
    ssh_enabled: bool | None = None
    webdav_enabled: bool | None = None


def access_of(wanted: BoxAccess | SubaccountAccess, current: dict[str, bool] | None = None) -> dict[str, bool]:
    """Return which services are on then."""
    before = current or dict.fromkeys(type(wanted).model_fields, False)
    return before | wanted.model_dump(exclude_none=True)


def host_of(username: str) -> str:
    """Return the name under which an account is reached."""
    return f"{username}.{_DOMAIN}"


def serve(state: State, box: Box, command: str, then: Callable[[bool], None] = lambda _: None) -> Action:
    """Return the action that makes the machine of a box be as the box is when the action comes to its turn."""

    def work() -> None:
        with state.lock:
            if box.id not in state.boxes:
                return  # deleted meanwhile
            accounts = _accounts(box)
        state.machines.serve_box(box.id, host_of(box.username), accounts)

    return state.begin(command, [(KIND, box.id)], lane_of(box), work, then)


def lane_of(box: Box) -> str:
    """Return the lane of a box."""
    return f"{KIND} {box.id}"


def _accounts(box: Box) -> list[BoxAccount]:
    main = BoxAccount(box.username, box.password, "", False, box.access["ssh_enabled"], tuple(box.ssh_keys))
    subaccounts = [
        BoxAccount(item.username, item.password, item.home_directory, item.access["readonly"], item.access["ssh_enabled"])
        for item in box.subaccounts.values()
    ]
    return [main, *subaccounts]
