"""What the program declares of protection, and what the edge's image is built from."""

from __future__ import annotations

import re

from infra.images import load_lock
from infra.project import LOCK
from stack_components.protection.component import BOUNCER_KEY, SPEC, environment, parts
from stack_components.protection.edge_image import PART, dockerfile
from tests.declared import below_root, declare
from tests.plans import plan_of

CADDY = load_lock(LOCK)["caddy"]


def source(name: str) -> str:
    """A file of the edge's image."""
    (part,) = [part for part in parts(plan_of()) if part.name == PART]
    return part.files[name].decode()


def test_crowdsec_is_root_with_one_capability_and_reads_the_key_from_a_file() -> None:
    declared = declare().named("crowdsec-container").inputs
    assert declared["user"] == "0:0"
    assert declared["capabilities"] == {"adds": ["CAP_DAC_OVERRIDE"], "drops": ["ALL"]}
    assert declared["readOnly"] is True
    assert not any("KEY" in variable for variable in declared["envs"])
    key = [mount for mount in declared["mounts"] if below_root(mount["source"]) == f"secrets/{BOUNCER_KEY}"]
    assert [(mount["target"], mount["readOnly"]) for mount in key] == [("/run/secrets/bouncer_key_edge", True)]


def test_its_folders_survive_destroy_since_only_root_could_remove_them() -> None:
    folders = SPEC.folders(plan_of())
    assert SPEC.kept(plan_of()) == folders
    removed = declare().named("folders").inputs["delete"]
    assert not any(folder in removed for folder in folders)


def test_nothing_is_shared_with_crowdsec_unless_the_stack_says_so() -> None:
    assert environment(plan_of())["DISABLE_ONLINE_API"] == "true"
    assert "DISABLE_ONLINE_API" not in environment(plan_of(protection={"community": True}))


def test_without_protection_there_is_neither_a_key_nor_an_image_to_build() -> None:
    declared = declare({"protection": '{"enabled": false}'})
    assert [one.name for one in declared.values() if "crowdsec" in one.name or one.name in {"bouncer_key", f"build-{PART}"}] == []


def test_the_edges_image_stands_on_the_pinned_caddy_and_is_the_same_version() -> None:
    assert source("Dockerfile") == dockerfile(CADDY.reference)
    assert [line for line in source("Dockerfile").splitlines() if line.startswith("FROM")] == [
        f"FROM {CADDY.reference} AS build",
        f"FROM {CADDY.reference}",
    ]
    assert f"\tgithub.com/caddyserver/caddy/v2 v{CADDY.version.removesuffix('-alpine')}\n" in source("go.mod")


def test_every_module_of_the_edges_image_is_pinned_by_hash_but_the_bouncer() -> None:
    pinned = {tuple(line.split()[:2]) for line in source("go.sum").splitlines()}
    required = re.findall(r"^\t(\S+) (v\S+)", source("go.mod"), re.MULTILINE)
    assert len(required) > 100
    assert [module for module in required if (module[0], f"{module[1]}/go.mod") not in pinned] == [
        ("github.com/hslatman/caddy-crowdsec-bouncer", "v0.12.1")
    ]


def test_dockerfile() -> None:
    assert (
        dockerfile("caddy:2.11.7-alpine@sha256:0123")
        == """\
FROM caddy:2.11.7-alpine@sha256:0123 AS build
LABEL private-registry.scratch=true
RUN apk add --no-cache go
WORKDIR /src
COPY go.mod go.sum main.go ./
ENV CGO_ENABLED=0 GOTOOLCHAIN=go1.26.8 GOFLAGS=-mod=mod
RUN go build -trimpath -ldflags "-s -w" -o /caddy .

FROM caddy:2.11.7-alpine@sha256:0123
COPY --from=build /caddy /usr/bin/caddy
"""
    )
