"""SSH key pairs, which the program makes once and keeps in its state."""

from __future__ import annotations

import shlex

import pulumi
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key

from infra.blocks.rotation import LOGIN_KEY, Rotation, Stage, generation_name
from infra.secrets import generated

_GENERATE = 'd=$(mktemp -d) && trap \'rm -rf "$d"\' EXIT && ssh-keygen -q -t ed25519 -N "" -C "" -f "$d/key" && cat "$d/key"'


class KeyPair(pulumi.ComponentResource):
    """An ed25519 key pair, made on the first `up`.

    Attributes:
        private: The private key in OpenSSH format; secret.
        public: The public key, `ssh-ed25519 AAAA…`.
    """

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:hetzner:KeyPair", name, {}, opts)
        self.private: pulumi.Output[str] = generated(name, _GENERATE, self).apply(lambda text: text + "\n")
        self.public: pulumi.Output[str] = pulumi.Output.unsecret(self.private.apply(public_half))
        self.register_outputs({})


class LoginKeys:
    """The program's own key for the server, and during a rotation another one.

    Attributes:
        used: The one that it connects with.
        change: Shell script that lets the new key in, and once that is in use, the old one no longer; empty without a rotation.
    """

    def __init__(self, rotation: Rotation, opts: pulumi.ResourceOptions) -> None:
        self.used = KeyPair(generation_name(LOGIN_KEY, rotation.used), opts)
        self.change = pulumi.Output.from_input("")
        if rotation.also_accepted is not None:
            other = KeyPair(generation_name(LOGIN_KEY, rotation.also_accepted), opts)
            self.change = other.public.apply(let_in if rotation.stage is Stage.ANNOUNCED else shut_out)


def let_in(public: str, file: str = "/root/.ssh/authorized_keys") -> str:
    """Return a shell script that adds a public key to those that may log in."""
    return f"grep -qxF {shlex.quote(public)} {file} || printf '%s\\n' {shlex.quote(public)} >> {file}\n"


def shut_out(public: str, file: str = "/root/.ssh/authorized_keys") -> str:
    """Return a shell script that removes a public key from those that may log in; run it with another one."""
    return f"""\
umask 077
grep -vF {shlex.quote(public)} {file} > {file}.new || true
[ -s {file}.new ] || {{ echo 'no other key may log in; {file} stays as it is' >&2; exit 1; }}
mv {file}.new {file}
"""


def public_half(private: str) -> str:
    """Return the public key of a private one.

    Raises:
        ValueError: It is not a private key in OpenSSH format.
    """
    key = load_ssh_private_key(private.encode(), None)
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
