"""The container's health check: asks the running gateway for its health. Imports little, because it is started often."""

from __future__ import annotations

import http.client
import sys
import urllib.parse

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
    try:
        parts = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=_TIMEOUT_S)
        connection.request("GET", parts.path or "/")
        response = connection.getresponse()
        answer = response.read(_MAX_ANSWER).decode(errors="replace")
    except (OSError, ValueError, http.client.HTTPException) as error:
        print(f"{url}: {error}", file=sys.stderr)  # noqa: T201
        return 1
    print(answer)  # noqa: T201  # Docker keeps it with the container's state
    return 0 if response.status == http.client.OK else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
