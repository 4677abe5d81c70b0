"""A whole registry behind its edge, with everybody who may ask it: nobody, anybody, a reader, a robot and the operator."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from infra.plan import Plan
from ops.config import Access
from ops.core.files import write_atomic
from ops.core.process import run
from stack_components.edge.component import config
from stack_components.edge.pages import PAGES, STATUS, Page
from stack_components.edge.sign_on import SignOn
from tests.free_ports import free_port
from tests.ops.gateway.gateway_rig import ADMIN, SERVICE, WEBHOOK_TOKEN, account, basic, running, write_files, write_rights
from tests.ops.gateway.registry_rig import Registry, running_registry
from tests.real_programs import caddy_binary, registry_binary
from tests.stack_components.edge.caddy import echo, write_caddyfile
from tests.stack_components.edge.whole import Edge, running_edge

# Who asks: without a token at all, with one that anybody gets, and three accounts.
NOBODY, ANYBODY, READER, ROBOT, OPERATOR = ASKERS = ("nobody", "anybody", "reader", "robot", "admin")
WORDS = {READER: "the reader's password", ROBOT: "the robot's password"}
REPOSITORIES = ("public/app", "private/app", "team/app", "team/gone")
_PUBLIC = (Access(repositories="public/**", actions=("pull",)),)
_ACCOUNTS = (
    ADMIN,
    account(READER, Access(repositories="private/**", actions=("pull",)), password=WORDS[READER]),
    account(ROBOT, Access(repositories="team/**", actions=("pull", "push")), password=WORDS[ROBOT]),
)
_SERVE = {"reverse_proxy", "static_response", "file_server"}
# Every page that there is, with what everybody may see of the console.
EVERY_PAGE = tuple(dataclasses.replace(page, public=STATUS if page is PAGES["console"] else "") for page in PAGES.values())


@dataclass(frozen=True)
class Everybody:
    """What runs, and how it is asked.

    Attributes:
        edge: The edge, with a STAND-IN for each page that shows what it is asked.
        registry: The registry, as it is behind the edge.
        digests: What each repository has as v1.
    """

    edge: Edge
    registry: Registry
    digests: dict[str, str]

    def signed_in(self, asker: str) -> dict[str, str]:
        """Return the header with somebody's name and password; none for who has none."""
        return {} if asker in {NOBODY, ANYBODY} else basic(asker, WORDS.get(asker))

    def token(self, asker: str, *scopes: str) -> dict[str, str]:
        """Return the header with the token that somebody gets who asks for scopes; none for who asks for none."""
        if asker == NOBODY:
            return {}
        answer = httpx.get(
            f"{self.edge.url}/auth/token", params={"service": SERVICE, "scope": list(scopes)}, headers=self.signed_in(asker)
        )
        return {"Authorization": f"Bearer {answer.raise_for_status().json()['token']}"}

    def tags(self) -> dict[str, str]:
        """Return what every tag of the registry points to, as its files say."""
        links = self.edge.folder.glob("registry/docker/registry/v2/repositories/**/current/link")
        return {str(link.parent.parent.relative_to(self.edge.folder)): link.read_text() for link in links}


@contextlib.contextmanager
def everybody(folder: Path) -> Iterator[Everybody]:
    """Run it all below a folder."""
    port = free_port()
    write_files(folder, port=port)
    write_rights(folder / "rights.json", *_ACCOUNTS, anonymous=_PUBLIC)
    write_atomic(folder / "secrets" / "events-token", WEBHOOK_TOKEN, mode=0o600)
    with (
        running(folder, port) as gateway,
        running_registry(registry_binary(), folder, gateway.url) as behind,
        echo() as page,
        running_edge(
            folder,
            behind.url,
            gateway,
            pages=[dataclasses.replace(one, upstream=page) for one in EVERY_PAGE],
            sign_on=SignOn(gateway.url.removeprefix("http://")),
        ) as edge,
    ):
        through = Registry(edge.url, edge.url)
        pushed = {
            name: through.push(name, "v1", through.token(f"repository:{name}:pull,push", OPERATOR), of=name)
            for name in REPOSITORIES
        }
        assert {answer.status_code for answer in pushed.values()} == {201}
        digests = {name: answer.headers["Docker-Content-Digest"] for name, answer in pushed.items()}
        yield Everybody(edge, behind, digests)


def declared_paths(plan: Plan, folder: Path, *, pages: tuple[Page, ...] = EVERY_PAGE) -> set[str]:
    """Return the paths of all routes that an edge declares, as its Caddy reads them; empty for what no path chooses."""
    configuration = dataclasses.replace(config(plan), pages=pages)
    adapted = run([caddy_binary(), "adapt", "--config", write_caddyfile(configuration, folder)], timeout=30).stdout
    servers = json.loads(adapted)["apps"]["http"]["servers"]
    return {path for server in servers.values() for route in server["routes"] for path in _paths(route)}


def _paths(route: Any) -> Iterator[str]:
    """Yield the paths that choose a route, or else those of the routes in it."""
    matches = route.get("match", [])
    named = [path for match in matches for path in (*match.get("path", ()), *_pattern(match))]
    yield from named
    if not named:
        inner = [one for handler in route.get("handle", []) if handler["handler"] == "subroute" for one in handler["routes"]]
        for one in inner:
            yield from _paths(one)
        if any(handler["handler"] in _SERVE for handler in route.get("handle", [])):
            yield json.dumps(matches) if matches else ""


def _pattern(match: Any) -> list[str]:
    return [match["path_regexp"]["pattern"]] if "path_regexp" in match else []
