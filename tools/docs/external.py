"""Links of the built site to other sites: whether each is well-formed, and whether it leads anywhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from urllib3 import PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError

_AT_ONCE = 8
_TIMEOUT = Timeout(connect=10.0, read=20.0)
_RETRIES = Retry(2, redirect=5, status=0)
# What servers say to programs of what they show to browsers.
_THERE = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS}
_HEADERS = {"User-Agent": "Mozilla/5.0 (a check of links)", "Accept": "*/*"}
# Names that belong to nobody (RFC 2606), or to whoever reads the page.
_NOBODYS = ("example.com", "example.org", "example.net", "example", "test", "invalid", "localhost")


class _Anchors(HTMLParser):
    """Collects where the anchors of a page lead."""

    def __init__(self) -> None:
        super().__init__()
        self.found = list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]


def external_links(site: Path) -> Mapping[str, Sequence[str]]:
    """Return the addresses that anchors of a built site lead to outside of it, each with the pages that have it."""
    found = defaultdict[str, list[str]](list)
    for page in sorted(site.rglob("*.html")):
        anchors = _Anchors()
        anchors.feed(page.read_text())
        for url in dict.fromkeys(anchors.found):
            if urlsplit(url).scheme or url.startswith("//"):
                found[url].append(page.relative_to(site).as_posix())
    return found


def malformed(url: str) -> str:
    """Return why nobody should be sent to an address; empty if there is no reason."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        return str(error)
    if parts.scheme != "https":
        return "is not https"
    if not url.isascii() or not url.isprintable() or " " in url:
        return "has characters that an address cannot have"
    if "." not in host or any(host == name or host.endswith(f".{name}") for name in _NOBODYS):
        return "is nobody's"
    return ""


def asked(url: str, pool: PoolManager | None = None) -> str:
    """Return why an address leads nowhere, as its server says; empty if it leads somewhere.

    Args:
        url: The address.
        pool: The connections that are used.
    """
    pool = pool or _pool()
    for method in ("HEAD", "GET"):  # some servers know only the second one
        try:
            answer = pool.request(method, url, headers=_HEADERS, preload_content=False)
            answer.close()
        except HTTPError as error:
            return f"there is no answer: {type(error).__name__}"
        if answer.status < HTTPStatus.BAD_REQUEST or answer.status in _THERE:
            return ""
    return f"it is answered with {answer.status}"


def check(site: Path, ask: Callable[[str], str] | None = None) -> list[str]:
    """Return a line for each external link of a site that leads nowhere.

    Args:
        site: The folder with the site.
        ask: Returns why an address leads nowhere, and nothing if it does not.
    """
    links = external_links(site)
    pool = _pool()
    ask = ask or (lambda url: asked(url, pool))

    def problem(url: str) -> str:
        return malformed(url) or ask(url)

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        problems = dict(zip(links, threads.map(problem, links), strict=True))
    return [f"{url}: {why} (on {', '.join(links[url])})" for url, why in problems.items() if why]


def _pool() -> PoolManager:
    return PoolManager(maxsize=_AT_ONCE, timeout=_TIMEOUT, retries=_RETRIES)
