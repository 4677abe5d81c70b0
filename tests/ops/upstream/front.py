"""A server that behaves as registries on the Internet do at times: it sends on, cuts, and gives other content."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from tests.loopback_server import Answer, serving


@dataclass
class Front:
    """A server whose answers a test decides.

    Attributes:
        name: Its host and port.
        asked: Path and `Authorization` of each request, in their order.
    """

    name: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)


@contextlib.contextmanager
def running_front(answers: Callable[[str], Answer]) -> Iterator[Front]:
    """Run a front on loopback.

    Args:
        answers: Returns status, headers and body by path. A `Content-Length` that is too large cuts the answer short.
    """
    front = Front()

    def answer(_: str, path: str, headers: Mapping[str, str]) -> Answer:
        front.asked.append((path, headers.get("Authorization", "")))
        return answers(path)

    with serving(answer) as port:
        front.name = f"127.0.0.1:{port}"
        yield front
