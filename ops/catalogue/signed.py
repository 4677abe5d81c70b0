"""The upstreams known to sign their images: signatures of these are mirrored unless an entry, or `defaults`, says not to.

One table, which docs/mirror.md shows. Where signatures are kept: as tags that are named after a digest, as cosign 2 and GitHub do
(https://github.com/sigstore/cosign/blob/v2.4.1/specs/SIGNATURE_SPEC.md), or in the OCI's list of referrers, as Notation and
cosign 3 do (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers). Where a registry has no
such list, as GHCR, cosign 3 makes a tag that is named after the digest alone, which counts as the former.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ops.catalogue.names import Name

_TAGS, _LIST = "digestTags", "referrers"
SIGNED: Mapping[str, tuple[str, ...]] = {
    # Moving from tags to lists: https://github.com/chainguard-dev/edu/pull/3955
    "cgr.dev/": (_TAGS, _LIST),
    "ghcr.io/": (_TAGS,),
    # Its publishers sign with either, and it has had the lists since 2024.
    "quay.io/": (_TAGS, _LIST),
    "registry.k8s.io/": (_TAGS,),
    "registry.suse.com/": (_TAGS,),
    "gcr.io/distroless/": (_TAGS,),
    "mcr.microsoft.com/": (_LIST,),
    "dhi.io/": (_LIST,),
}


def defaults_of(source: Name) -> dict[str, Any]:
    """Return the keys that hold for an entry by its source, if nobody says otherwise."""
    name = f"{source.registry}/{source.repository}"
    return {key: True for prefix, keys in SIGNED.items() if name.startswith(prefix) for key in keys}
