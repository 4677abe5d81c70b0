"""The container's health check: asks the running gateway for its health. Imports little, because it is started often."""

from __future__ import annotations

import socket
import sys

from ops.gateway.own_address import own_address

_TIMEOUT_S = 5.0
_MAX_ANSWER = 4096
USAGE = "usage: python3 -m ops.gateway.health --url http://127.0.0.1:8080/healthz"


def main(arguments: list[str]) -> int:
    """Return 0 if the gateway says that it works, 1 if not, 2 if called wrongly."""
    match arguments:
        case ["--url", url] if url.startswith("http://"):
            return _ask(url)
        case ["--help" | "-h"]:
            print(USAGE)  # noqa: T201
            return 0
    print(USAGE, file=sys.stderr)  # noqa: T201
    return 2


def _ask(url: str) -> int:
    address, _, path = url.removeprefix("http://").partition("/")
    host, _, port = address.partition(":")
    try:
        # Not with http.client, which takes longer to import than all the rest together.
        with (
            socket.create_connection((own_address(host), int(port or 80)), _TIMEOUT_S) as connection,
            connection.makefile("rb") as stream,
        ):
            connection.sendall(f"GET /{path} HTTP/1.0\r\nHost: {address}\r\n\r\n".encode())
            status = stream.readline(_MAX_ANSWER).split()
            if not status[:1] or not status[0].startswith(b"HTTP/"):
                raise ValueError("what answers does not speak HTTP")
            _, _, answer = stream.read(_MAX_ANSWER).partition(b"\r\n\r\n")
    except (OSError, ValueError) as error:
        print(f"{url}: {error}", file=sys.stderr)  # noqa: T201
        return 1
    print(answer.decode(errors="replace"))  # noqa: T201  # Docker keeps it with the container's state
    return 0 if status[1:2] == [b"200"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
