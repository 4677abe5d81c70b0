"""Property values survive the way over the wire."""

from __future__ import annotations

from typing import Any

import pytest

from tools.offline.plugins.values import UNKNOWN, Asset, Secret, decode, encode, is_known, reveal


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 0, -3, 2**40, 0.5, "", "text"),
        *([], [1, None, "a"], {}, {"a": {"b": [False]}}),
        *(UNKNOWN, [UNKNOWN], Secret("s"), Secret({"a": [UNKNOWN]}), {"a": Secret(None)}),
    ],
)
def test_what_is_encoded_is_decoded(value: Any) -> None:
    assert decode(encode({"value": value})) == {"value": value}


def test_whole_numbers_come_back_as_such() -> None:
    assert type(decode(encode({"value": 64}))["value"]) is int


def test_revealed_values_have_no_marks() -> None:
    assert reveal({"a": Secret([Secret("b")]), "c": 1}) == {"a": ["b"], "c": 1}


@pytest.mark.parametrize(
    ("value", "known"), [("a", True), ([{"a": 1}], True), (UNKNOWN, False), ([{"a": UNKNOWN}], False), (Secret(UNKNOWN), False)]
)
def test_unknown_is_found_at_any_depth(value: Any, known: bool) -> None:
    assert is_known(value) == known


# As the SDK sends them (pulumi/runtime/rpc.py), with the hash that the engine adds.
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_FILE = {_SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "path": "/a", "hash": "h"}
_TEXT = {_SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "text": "t", "hash": "h"}
_FOLDER = {_SIGNATURE: "0def7320c3a5731c473e5ecbe6d01bc7", "path": "/b", "hash": "h"}


@pytest.mark.parametrize(
    ("wire", "asset"),
    [
        (_FILE, Asset("h", is_archive=False, path="/a")),
        ({**_FILE, "text": "", "uri": ""}, Asset("h", is_archive=False, path="/a")),
        (_TEXT, Asset("h", is_archive=False, text="t")),
        ({**_TEXT, "text": "", "path": "", "uri": ""}, Asset("h", is_archive=False, text="")),
        ({**_TEXT, "text": "", "uri": "https://a"}, Asset("h", is_archive=False)),
        (_FOLDER, Asset("h", is_archive=True, path="/b")),
    ],
)
def test_an_asset_is_known_from_its_signature(wire: dict[str, str], asset: Asset) -> None:
    found = decode(encode({"value": wire}))["value"]
    assert (found, found.path, found.text) == (asset, asset.path, asset.text)
    assert decode(encode({"value": found}))["value"].wire == wire


def test_assets_are_equal_by_their_content() -> None:
    file, text, folder = (decode(encode({"value": wire}))["value"] for wire in (_FILE, _TEXT, _FOLDER))
    assert file == text != folder
    assert file != decode(encode({"value": {**_FILE, "hash": "i"}}))["value"]
