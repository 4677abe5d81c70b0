"""Passwords and services of Storage Boxes and their sub-accounts, and how they reach the machines."""

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
    """`reset_password`, also of sub-accounts."""

    password: Password


class BoxAccess(Body):
    """Services of a Storage Box; those left out stay as they are. All are off at first."""

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
    """Return which services are on afterwards."""
    before = current or dict.fromkeys(type(wanted).model_fields, False)
    return before | wanted.model_dump(exclude_none=True)


def host_of(username: str) -> str:
    """Return the host name of an account."""
    return f"{username}.{_DOMAIN}"


def serve(state: State, box: Box, command: str, then: Callable[[bool], None] = lambda _: None) -> Action:
    """Return the action that brings a box's machine in line with the box, as it is once the action's turn comes."""

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
