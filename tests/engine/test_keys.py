"""The program's own SSH key and the API token of an emulated server are rotated with an overlap, and the old ones end."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.blocks.rotation import LOGIN_KEY, generation_name
from ops.core.files import write_atomic
from ops.core.process import run
from ops.core.ssh import ssh_options
from tests.engine.stacks import generated
from tools.bootstrap.rotate import rotate
from tools.emulation.stack import EmulatedStack

# It asks the API with the token of today.
_REFRESHED = ("--refresh", "--expect-no-changes")


@dataclass(frozen=True)
class Rotation:
    """What `make rotate` works on, with the CLI of this stack."""

    stack: EmulatedStack
    after_each: Callable[[], None]

    @property
    def config(self) -> Path:
        return self.stack.stack.config

    def set(self, key: str, value: str) -> None:
        self.stack.stack.pulumi(["config", "set", "--path", key, value])

    def up(self) -> None:
        self.stack.stack.prepare()
        self.stack.stack.up()
        self.after_each()

    def passphrase(self) -> None:
        raise NotImplementedError


def with_token(stack: EmulatedStack, token: str) -> None:
    """Give the engine another token by its environment; an empty one is none."""
    stack.stack = dataclasses.replace(stack.stack, environment={**stack.stack.environment, "HCLOUD_TOKEN": token})


def test_the_programs_key_and_the_token_of_the_api_are_rotated_with_an_overlap_and_the_old_ones_end(
    rented: EmulatedStack, tmp_path: Path
) -> None:
    address = rented.stack.outputs()["registry"]

    def key(name: str) -> Path:
        file = tmp_path / name
        write_atomic(file, generated(rented.stack, name) + "\n", mode=0o600)
        return file

    def may_log_in(file: Path) -> bool:
        words = ssh_options(identity=file, known_hosts=tmp_path / "known_hosts", trusts_new=True)
        return run(["ssh", "-F", "none", *words, f"root@{address}", "true"], timeout=30, check=False).returncode == 0

    def look() -> None:
        seen.append((may_log_in(old_key), may_log_in(key(generation_name(LOGIN_KEY, 2)))))
        rented.api.tokens.discard(old_token)  # in Hetzner's console, after the first `up` with the new one

    old_key, seen = key(LOGIN_KEY), list[tuple[bool, bool]]()
    old_token, new_token = rented.stack.environment["HCLOUD_TOKEN"], secrets.token_hex(32)
    rented.api.tokens.add(new_token)
    with_token(rented, "")
    rented.stack.pulumi(["config", "set", "--secret", "hcloud:token"], stdin=new_token)
    rotate(Rotation(rented, look), [LOGIN_KEY])
    # The old key opens until the last `up` has come in with the new one.
    assert (seen[0], seen[-1]) == ((True, True), (False, True))
    asked = len(rented.api.calls)
    rented.stack.preview(*_REFRESHED)
    assert len(rented.api.calls) > asked, "with the new token"
    # From here on it comes from the environment again.
    with_token(rented, new_token)
    rented.configure(rotation={LOGIN_KEY: {"generation": 2}})
