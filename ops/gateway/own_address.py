"""Finds which address of a name is this container's own: while a new container takes over, the one before has its name too."""

from __future__ import annotations

import errno
import os
import socket


def own_address(name: str) -> str:
    """Return the address of a name that this machine can listen on.

    Raises:
        OSError: The name is unknown, or none of its addresses is this machine's.
    """
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    for family, *_, address in found:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            try:
                probe.bind(address)
            except OSError:
                continue
        return str(address[0])
    raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
