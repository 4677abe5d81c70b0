"""What a registry lists as referring to a manifest: signatures, SBOMs and the like.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ops.registry.tree import DIGEST


@dataclass(frozen=True)
class Referrer:
    """A manifest that refers to another.

    Attributes:
        digest: Its digest.
        artifact_type: What it is; empty if the list does not say.
        annotations: What it says of itself.
    """

    digest: str
    artifact_type: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)


def referrers_in(index: bytes) -> list[Referrer]:
    """Return what a list has: an image index, whose entries refer to the manifest that was asked for.

    Raises:
        ValueError: It is none.
    """
    try:
        listed = json.loads(index)["manifests"] or []
        found = [Referrer(one["digest"], _text(one.get("artifactType")), _texts(one.get("annotations"))) for one in listed]
    except (LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("is no list of referrers") from error
    if not all(isinstance(one.digest, str) and DIGEST.fullmatch(one.digest) for one in found):
        raise ValueError("has referrers without a digest")
    return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> dict[str, str]:
    return {key: one for key, one in value.items() if isinstance(one, str)} if isinstance(value, dict) else {}
