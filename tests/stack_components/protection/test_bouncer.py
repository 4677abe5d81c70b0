"""The real edge program with the bouncer and a real CrowdSec: bans are enforced, and still are with a key that was rotated."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ops.core.files import write_atomic
from stack_components.edge.component import config
from stack_components.edge.registry_routes import Upstreams
from stack_components.protection.component import BOUNCER_KEY
from tests.declared import Declarations, declare
from tests.plans import plan_of
from tests.stack_components.edge.caddy import Ports, RunningCaddy, echo, running_caddy
from tests.stack_components.protection.bouncer import caddy_with_bouncer
from tests.stack_components.protection.container import SETTINGS, CrowdSec, Stack, stack_below, wait_until

CLIENT = "127.0.0.1"
_CONTAINER = "docker:index/container:Container"


def declared(generation: int) -> Declarations:
    """What the program declares with the key of a generation."""
    given = {**SETTINGS, "rotation": {"bouncer_key": {"generation": generation}}}
    return declare({key: json.dumps(value) for key, value in given.items()})


def key(generation: int) -> str:
    files: dict[str, str] = declared(generation).secret_files
    return files[BOUNCER_KEY]


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with stack_below(tmp_path) as stack:
        yield stack


@contextlib.contextmanager
def edge(folder: Path, crowdsec: CrowdSec, key: str) -> Iterator[RunningCaddy]:
    """The edge of a stack, which has a key and asks a CrowdSec."""
    made = config(plan_of(**SETTINGS))
    assert made.bouncer is not None
    write_atomic(folder / "secrets" / Path(made.bouncer.key_file).name, key, mode=0o600)
    with echo() as service:
        bouncer = dataclasses.replace(made.bouncer, api_url=crowdsec.url())
        changed = dataclasses.replace(made, bouncer=bouncer, upstreams=Upstreams(service, service), pages=[])
        with running_caddy(changed, folder, Ports(), caddy_with_bouncer()) as caddy:
            yield caddy


def asked(caddy: RunningCaddy) -> int:
    return httpx.get(f"{caddy.url}/v2/").status_code


@pytest.mark.system
def test_a_ban_is_enforced_with_the_new_key_and_crowdsec_refuses_the_old_one(stack: Stack, tmp_path: Path) -> None:
    folder = tmp_path / "edge"
    folder.mkdir()
    old, new = key(1), key(2)
    stack.set_key(old)
    with stack.running() as crowdsec, edge(folder, crowdsec, old) as caddy:
        assert asked(caddy) == 200
        crowdsec.ban(CLIENT, "by hand")
        wait_until(lambda: asked(caddy) == 403, lambda: caddy.log)
    stack.set_key(new)
    with stack.running() as crowdsec:
        wait_until(lambda: crowdsec.get("/v1/decisions", key=new).status_code == 200, lambda: crowdsec.log)
        assert crowdsec.get("/v1/decisions", key=old).status_code == 403
        with edge(folder, crowdsec, new) as caddy:
            wait_until(lambda: asked(caddy) == 403, lambda: caddy.log)
            crowdsec.tell("decisions", "delete", "--ip", CLIENT)
            wait_until(lambda: asked(caddy) == 200, lambda: caddy.log)


def test_a_new_key_replaces_crowdsec_and_the_edge_and_nothing_else() -> None:
    before, after = (
        {one.name.removesuffix("-container"): one.inputs for one in declared(generation).of_type(_CONTAINER)}
        for generation in (1, 2)
    )
    assert {service for service in after if after[service] != before[service]} == {"crowdsec", "edge"}
