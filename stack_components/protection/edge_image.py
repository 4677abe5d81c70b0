"""The edge's own image, Caddy with the CrowdSec bouncer. It is built on the host, since no official image has both.

None of our routes uses the bouncer's `appsec` handler, which would hold a whole layer in memory.
"""

from __future__ import annotations

from pathlib import Path

import pulumi

from infra.plan import Plan
from infra.release import Part
from stack_components.context import Context

PART = "edge-image"
_SOURCES = ("go.mod", "go.sum", "main.go")
# Alpine's Go may have any version. It downloads this one and checks it against the checksum database (https://go.dev/doc/toolchain).
_GO = "1.26.8"


def dockerfile(caddy: str) -> str:
    """Return the Dockerfile.

    Args:
        caddy: The stock image, which the new one is based on.
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
    """Return the files that the image is built from."""
    folder = Path(__file__).parent / "caddy"
    sources = {name: (folder / name).read_bytes() for name in _SOURCES}
    return Part(PART, {**sources, "Dockerfile": dockerfile(plan.images["caddy"].reference).encode()})


def edge_image(context: Context) -> pulumi.Output[str] | None:
    """Return the id of the edge's own image; None without CrowdSec, when the edge runs the stock image."""
    return context.host.build_image(context.provisioned, PART) if context.plan.runs("crowdsec") else None
