"""The upstreams known to sign their images: signatures of these are mirrored unless an entry, or `defaults`, says not to.

One table, which docs/mirror.md shows. Where signatures are kept: as tags that are named after a digest, as cosign and GitHub do
(https://github.com/sigstore/cosign/blob/v2.4.1/specs/SIGNATURE_SPEC.md), or in the OCI's list of referrers, as Notation does
(https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ops.catalogue.names import Name

_TAGS, _LIST = "digestTags", "referrers"
SIGNED: Mapping[str, str] = {
    "cgr.dev/": _TAGS,
    "ghcr.io/": _TAGS,
    "quay.io/": _TAGS,
    "registry.k8s.io/": _TAGS,
    "registry.suse.com/": _TAGS,
    "gcr.io/distroless/": _TAGS,
    "mcr.microsoft.com/": _LIST,
    "dhi.io/": _LIST,
}


def defaults_of(source: Name) -> dict[str, Any]:
    """Return the keys that hold for an entry by its source, if nobody says otherwise."""
    name = f"{source.registry}/{source.repository}"
    return {key: True for prefix, key in SIGNED.items() if name.startswith(prefix)}
