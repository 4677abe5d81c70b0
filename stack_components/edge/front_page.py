"""The page at `/` of a stack without the console: what this is, whether it is well, and how to pull and push here."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ops.config import Access
from stack_components.edge.registry_routes import READ_ONLY, Upstreams

# The page is for people who wait for it: a service that takes longer is not well.
_PATIENCE_S = 3

State = Literal["well", "read-only", "unwell"]
_STATES: Mapping[State, str] = {
    "well": "It works: images can be pulled and pushed.",
    "read-only": "It is read-only at the moment: images can be pulled, and pushes wait or are refused.",
    "unwell": "Pulls and pushes may fail. Its operator finds the reason with <code>regops doctor</code>.",
}
# Nothing is loaded, nothing runs, nobody may frame it.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_STYLE = """\
:root { color-scheme: light dark; --ink: #1f2937; --paper: #ffffff; --faint: #4b5563; --box: #f3f4f6; --line: #d1d5db;
  --well: #15803d; --read-only: #a16207; --unwell: #b91c1c; --link: #1d4ed8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e5e7eb; --paper: #111827; --faint: #9ca3af; --box: #1f2937; --line: #374151;
  --well: #4ade80; --read-only: #facc15; --unwell: #f87171; --link: #93c5fd; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 2rem 1rem; background: var(--paper); color: var(--ink); font: 1rem/1.6 system-ui, sans-serif; }
main { max-width: 42rem; margin: 0 auto; }
h1 { margin: 0; font-size: 1.75rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin: 2rem 0 0.5rem; font-size: 1.125rem; }
p { margin: 0.5rem 0; overflow-wrap: anywhere; }
.name { color: var(--faint); }
.state { margin: 1.5rem 0; padding: 0.75rem 1rem; border: 1px solid var(--line); border-radius: 0.375rem; }
.state { border-left: 0.375rem solid var(--tone); }
.state b { color: var(--tone); }
code, pre { font-family: ui-monospace, monospace; font-size: 0.9375rem; }
pre { margin: 0.5rem 0; padding: 0.75rem 1rem; background: var(--box); border-radius: 0.375rem; white-space: pre-wrap; }
pre { overflow-wrap: anywhere; }
a { color: var(--link); }
"""
_MARKS: Mapping[State, str] = {"well": "Well", "read-only": "Read-only", "unwell": "Not well"}


@dataclass(frozen=True)
class FrontPage:
    """What the page says.

    Attributes:
        title: Its heading.
        host: The name by which clients reach the registry, with the port if there is one.
        anonymous: What clients may do without signing in.
        own_authority: Whether the certificate is from the edge's own authority, which clients must trust first.
    """

    title: str
    host: str
    anonymous: Sequence[Access]
    own_authority: bool = False


def front_page(page: FrontPage, links: Mapping[str, str], state: State) -> str:
    """Return the page as HTML.

    Args:
        page: What it says.
        links: Pages for operators, by their path.
        state: How the registry is.
    """
    title, host = html.escape(page.title), html.escape(page.host)
    certificate = (
        "<p>Its certificate is from its own authority, which your client must trust first; "
        "Docker looks for it in <code>/etc/docker/certs.d/" + host + "/ca.crt</code>.</p>\n"
    )
    operators = ", ".join(f'<a href="{html.escape(path)}/">{html.escape(name)}</a>' for path, name in links.items())
    return f"""\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<style>
{_STYLE}</style>
<main>
<h1>{title}</h1>
<p class="name">A registry of container images: <code>{host}</code></p>
<p class="state" style="--tone: var(--{state})"><b>{_MARKS[state]}.</b> {_STATES[state]}</p>
{certificate if page.own_authority else ""}<h2>Pull an image</h2>
<p>{_who_pulls(page.anonymous)}</p>
<pre>docker pull {host}/REPOSITORY:TAG</pre>
<h2>Push an image</h2>
<p>{_who_pushes(page.anonymous)}</p>
<pre>docker login {host}
docker tag IMAGE {host}/REPOSITORY:TAG
docker push {host}/REPOSITORY:TAG</pre>
<p>Podman, skopeo and other clients take the same name.</p>
{f"<h2>For its operators</h2>{chr(10)}<p>{operators}</p>{chr(10)}" if links else ""}</main>
"""


def _who_pulls(anonymous: Sequence[Access]) -> str:
    pulled = [access.repositories for access in anonymous if "pull" in access.actions]
    if "**" in pulled:
        return "Anyone may pull, without signing in:"
    if pulled:
        listed = ", ".join(f"<code>{html.escape(repositories)}</code>" for repositories in pulled)
        return f"Anyone may pull {listed} without signing in; for everything else sign in first, with <code>docker login</code>:"
    return "Sign in first, with <code>docker login</code>:"


def _who_pushes(anonymous: Sequence[Access]) -> str:
    if any("push" in access.actions and access.repositories == "**" for access in anonymous):
        return "Anyone may push; who has an account may sign in first:"
    return "With an account that may push there:"


def front_page_route(page: FrontPage, links: Mapping[str, str], upstreams: Upstreams) -> str:
    """Return the directives of a site that serve the page. They ask registry and gateway how they are."""
    return f"""\
	handle / {{
		route {{
			@other not method GET HEAD
			respond @other 405
			import front_page_headers
{_ask(upstreams.registry, "/")}
{_ask(upstreams.gateway, "/healthz")}
			@held expression `{READ_ONLY}`
			respond @held `{front_page(page, links, "read-only")}` 200
			respond `{front_page(page, links, "well")}` 200
		}}
	}}
"""


def front_page_snippets(page: FrontPage, links: Mapping[str, str]) -> str:
    """Return the snippets that the route needs, and `front_page_errors` for when a service does not answer."""
    return f"""\
(front_page_headers) {{
	header {{
		Content-Type "text/html; charset=utf-8"
		Cache-Control no-store
		Content-Security-Policy "{_POLICY}"
	}}
}}
(front_page_unwell) {{
	import front_page_headers
	respond `{front_page(page, links, "unwell")}` 503
}}
(front_page_errors) {{
	handle / {{
		import front_page_unwell
	}}
}}
"""


# With the console at `/`.
NO_FRONT_PAGE = "(front_page_errors) {\n}\n"


def _ask(upstream: str, path: str) -> str:
    return f"""\
			forward_auth {upstream} {{
				uri {path}
				header_up -Authorization
				header_up -Cookie
				transport http {{
					dial_timeout {_PATIENCE_S}s
					response_header_timeout {_PATIENCE_S}s
				}}
				@sick status 3xx 4xx 5xx
				handle_response @sick {{
					import front_page_unwell
				}}
			}}"""
