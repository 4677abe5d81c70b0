"""SSH key pairs, which the program makes once and keeps in its state."""

from __future__ import annotations

import pulumi
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key

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


def public_half(private: str) -> str:
    """Return the public key of a private one.

    Raises:
        ValueError: It is not a private key in OpenSSH format.
    """
    key = load_ssh_private_key(private.encode(), None)
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
