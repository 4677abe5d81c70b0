"""The pages behind sign-on: which path belongs to which service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """A web page that a service serves.

    Attributes:
        title: What people call it.
        path: Its path, such as `/grafana`; empty for everything that nothing else serves.
        upstream: The service as host:port.
        stripped: Whether the path is removed before the service sees the request.
        asks_registry: Whether its scripts ask for the registry's API below its own path.
        public: A path below its own that everybody may see, without signing on; empty if there is none.
    """

    title: str
    path: str
    upstream: str
    stripped: bool = False
    asks_registry: bool = False
    public: str = ""


# What everybody sees of the console, where the settings say so.
STATUS = "/status"
PAGES: Mapping[str, Page] = {
    "grafana": Page("Grafana", "/grafana", "grafana:3000"),
    "prometheus": Page("Prometheus", "/prometheus", "prometheus:9090"),
    "portainer": Page("Portainer", "/portainer", "portainer:9000", stripped=True),
    # Without a URL it asks below its own: https://github.com/Joxit/docker-registry-ui/blob/2.6.0/src/components/docker-registry-ui.riot
    "ui": Page("Registry UI", "/ui", "ui:8080", stripped=True, asks_registry=True),
    "console": Page("Console", "", "console:8080"),
}


def fills_front(pages: Sequence[Page]) -> bool:
    """Whether one of the pages is at `/`."""
    return any(not page.path for page in pages)


def pages_snippet(pages: Sequence[Page], front: str) -> str:
    """Return the snippet `pages`.

    Args:
        pages: The pages.
        front: The directives that serve `/` where no page does. Other paths without a page get 404.
    """
    blocks = [text for page in pages for text in (_page(page), _public(page)) if text]
    if not fills_front(pages):
        blocks += [front, "\thandle {\n\t\trespond 404\n\t}\n"]
    return "\n".join(["(pages) {\n\timport sign_on_pages\n", *blocks, "}\n"])


def _page(page: Page) -> str:
    if not page.path:
        return _handle("", page, "")
    # The path is removed after sign-on, which sends the browser back to the full path.
    strip = f"\t\t\turi strip_prefix {page.path}\n" if page.stripped else ""
    # Before a route is chosen.
    registry = f"\turi {page.path}/v2/* strip_prefix {page.path}\n" if page.asks_registry else ""
    return f"{registry}\tredir {page.path} {page.path}/ 308\n" + _handle(f" {page.path}/*", page, strip)


def _public(page: Page) -> str:
    """Return the directives for what everybody sees: of what a browser sends, the path alone arrives."""
    if not page.public:
        return ""
    return f"""\
	handle {page.public} {{
		route {{
			@other not method GET HEAD
			respond @other 405
			import no_claims
			import no_credentials
			request_header -Cookie
			rewrite {page.public}?
			reverse_proxy {page.upstream} {{
				import tell_client
			}}
		}}
	}}
"""


def _handle(matcher: str, page: Page, strip: str) -> str:
    return f"""\
	handle{matcher} {{
		route {{
			import sign_on
{strip}			reverse_proxy {page.upstream} {{
				import tell_client
			}}
		}}
	}}
"""
