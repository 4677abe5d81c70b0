"""What a manifest may refer to: whatever its kind, however it is written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ops.registry.references import LEAF, MAX_MANIFEST_BYTES, References, references

A, B, C = (f"sha256:{letter * 64}" for letter in "abc")
LONG = f"sha512:{'d' * 128}"


def of(document: Any) -> References:
    return references(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("document", "digests"),
    [
        pytest.param({"config": {"digest": A}, "layers": [{"digest": B}, {"digest": C}]}, {A, B, C}, id="image"),
        pytest.param({"manifests": [{"digest": A}, {"digest": B}]}, {A, B}, id="index"),
        pytest.param({"schemaVersion": 1, "fsLayers": [{"blobSum": A}]}, {A}, id="schema 1"),
        pytest.param({"blobs": [{"digest": A}]}, {A}, id="ORAS artifact"),
        pytest.param({"Layers": [{"Digest": A}]}, {A}, id="keys in another case"),
        pytest.param({"layers": [{"digest": LONG}]}, {LONG}, id="sha512"),
        pytest.param({"layers": 7, "config": {"digest": A}}, {A}, id="a number where a list belongs"),
        pytest.param({"x": {"y": [[["deep", {"z": A}]]]}}, {A}, id="anywhere"),
        pytest.param({A: 1}, {A}, id="as a key"),
        pytest.param({"annotations": {"base": f"example.com/app@{A}"}}, {A}, id="within a text"),
        pytest.param([A], {A}, id="a list"),
        pytest.param({}, set(), id="nothing"),
    ],
)
def test_every_digest_counts(document: Any, digests: set[str]) -> None:
    assert of(document) == References(frozenset(digests))
    # With an escape it is parsed, without one it is only searched.
    assert of([document, "\u00e9"]) == of(document)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b'{"layers":[{"digest":"%s"}],"layers":[]}' % A.encode(), id="a key twice"),
        pytest.param(b' \r\n\t{"digest":"%s"}' % A.encode(), id="white space"),
        pytest.param(b'{"x":"\xff\xfe","digest":"%s"}' % A.encode(), id="invalid UTF-8"),
        pytest.param(b'{"digest":"\\u0073ha256:%s"}' % (b"a" * 64), id="escaped"),
        pytest.param(b'{"digest":"\\u0073ha256:%s"' % (b"a" * 64), id="escaped and cut off"),
        pytest.param(b'{"digest":"%s", "x":' % A.encode() + b"[" * 5000 + b"]" * 5000 + b"}", id="5,000 brackets"),
        pytest.param(b'{"n":%s,"digest":"%s"}' % (b"9" * 5000, A.encode()), id="a number of 5,000 digits"),
    ],
)
def test_however_it_is_written(content: bytes) -> None:
    assert A in references(content).digests


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x1f\x8b\x08" + A.encode(), id="a layer"),
        pytest.param(A.encode(), id="no JSON"),
        pytest.param(b'{"digest":"%s"}' % A.encode() + b" " * MAX_MANIFEST_BYTES, id="too large"),
    ],
)
def test_what_is_no_manifest_refers_to_nothing(content: bytes) -> None:
    assert references(content) == LEAF


def test_a_subject_is_not_kept() -> None:
    assert of({"subject": {"digest": A}, "layers": [{"digest": B}]}) == References(frozenset({B}), frozenset({A}))
    assert of({"Subject": {"digest": A}}) == References(frozenset(), frozenset({A}))


def test_a_subject_that_stands_elsewhere_too_is_kept() -> None:
    assert of({"subject": {"digest": A}, "layers": [{"digest": A}]}) == References(frozenset({A}))


def test_the_subject_of_what_cannot_be_parsed_is_kept() -> None:
    assert references(b'{"subject":{"digest":"%s"}' % A.encode()) == References(frozenset({A}))
