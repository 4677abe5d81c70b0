"""The edge's own image: Caddy with the CrowdSec bouncer, which is built on the host, since no official image has both.

The bouncer's `appsec` handler, which would hold a whole layer in memory, is not in any of our routes.
"""

from __future__ import annotations

from pathlib import Path

import pulumi

from infra.plan import Plan
from infra.release import Part
from stack_components.context import Context

PART = "edge-image"
_SOURCES = ("go.mod", "go.sum", "main.go")
# Alpine's Go may be of any version: it fetches this one, which the checksum database vouches for (https://go.dev/doc/toolchain).
_GO = "1.26.8"


def dockerfile(caddy: str) -> str:
    """Return the Dockerfile.

    Args:
        caddy: The stock image, whose folders and certificates the new one has.
    """
    return f"""\
FROM {caddy} AS build
LABEL private-registry.scratch=true
RUN apk add --no-cache go
WORKDIR /src
COPY {" ".join(_SOURCES)} ./
ENV CGO_ENABLED=0 GOTOOLCHAIN=go{_GO} GOFLAGS=-mod=mod
RUN go build -trimpath -ldflags "-s -w" -o /caddy .

FROM {caddy}
COPY --from=build /caddy /usr/bin/caddy
"""


def part(plan: Plan) -> Part:
    """Return what the image is built from."""
    folder = Path(__file__).parent / "caddy"
    sources = {name: (folder / name).read_bytes() for name in _SOURCES}
    return Part(PART, {**sources, "Dockerfile": dockerfile(plan.images["caddy"].reference).encode()})


def edge_image(context: Context) -> pulumi.Output[str] | None:
    """Return the id of the image that the edge runs; None where the stock one does, since there is no CrowdSec to ask."""
    return context.host.build_image(context.provisioned, PART) if context.plan.runs("crowdsec") else None
