"""The cases of remote commands and copies, as cases.py has them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from tests.tools.offline.plugins.client import COPY, REMOTE
from tools.offline.plugins.values import UNKNOWN, Secret

Inputs = dict[str, Any]

_HOST: Inputs = {"host": "h"}
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_ASSET: Inputs = {_SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "hash": "h"}
_ARCHIVE: Inputs = {_SIGNATURE: "0def7320c3a5731c473e5ecbe6d01bc7", "hash": "h"}
_EMPTY = hashlib.sha256(b"").hexdigest()  # an empty text is told from none by this
# Files, texts, folders, and what is none of these, as the engine sends them.
_SOURCES: list[Any] = [
    *({**_ASSET, "path": "/f"}, {**_ASSET, "text": "t"}, {**_ASSET, "text": "", "hash": _EMPTY}, Secret({**_ASSET, "text": "t"})),
    *({**_ARCHIVE, "path": "/f"}, {**_ASSET, "uri": "https://a"}, {**_ARCHIVE, "uri": "https://a"}, UNKNOWN),
    {**_ARCHIVE, "assets": {"a": {**_ASSET, "text": "t"}}},
]

REMOTE_CHECKS: Sequence[tuple[str, Inputs]] = [
    (REMOTE, {"connection": _HOST, "create": "x"}),
    (REMOTE, {"connection": _HOST}),
    (REMOTE, {"create": "x"}),
    (REMOTE, {"connection": {}}),
    (REMOTE, {"connection": "x"}),
    (REMOTE, {"connection": {"host": UNKNOWN}, "create": UNKNOWN}),
    (REMOTE, {"connection": {"port": "22", "host": 5, "unheard": 1, "dialErrorLimit": True}}),
    (REMOTE, {"connection": {**_HOST, "port": 2022, "dialErrorLimit": -1, "perDialTimeout": 1.5, "user": ""}}),
    (REMOTE, {"connection": {**_HOST, "privateKey": "k", "password": Secret("p"), "privateKeyPassword": "p"}}),
    (REMOTE, {"connection": Secret({**_HOST, "hostKey": Secret("k"), "agentSocketPath": "/a"}), "stdin": Secret("s")}),
    (REMOTE, {"connection": {**_HOST, "proxy": {"host": "p", "privateKey": "k"}}}),
    (REMOTE, {"connection": {**_HOST, "proxy": Secret({"host": "p"})}}),
    (REMOTE, {"connection": {**_HOST, "proxy": {"proxy": _HOST}}}),
    (REMOTE, {"connection": {**_HOST, "proxy": "x"}}),
    *(
        (REMOTE, {"connection": _HOST, "create": "x", **more})
        for more in (
            *({"dir": "/x"}, {"interpreter": ["x"]}, {"assetPaths": ["x"]}, {"unheard": 1}, {"logging": "loud"}),
            *({"stdin": 5}, {"triggers": "x"}, {"environment": {"A": 1}}, {"addPreviousOutputInEnv": "yes"}),
        )
    ),
    *((COPY, {"connection": _HOST, "source": source, "remotePath": "/x"}) for source in _SOURCES),
    *(
        (COPY, {"connection": _HOST, "source": _SOURCES[0], "remotePath": "/x", **more})
        for more in ({"triggers": [1, UNKNOWN]}, {"remotePath": UNKNOWN})
    ),
]

# Without a command for its creation nothing is connected to.
REMOTE_BASE: tuple[str, Inputs, Sequence[Inputs]] = (
    REMOTE,
    {"connection": {**_HOST, "privateKey": "k"}, "update": "u", "triggers": [_SOURCES[0]], "environment": {"A": Secret("1")}},
    [
        {},
        {"create": "c"},
        {"update": None},
        {"update": Secret("u")},
        {"connection": {"host": "other", "privateKey": "k"}},
        {"connection": {**_HOST, "privateKey": "other"}},
        {"connection": Secret({**_HOST, "privateKey": Secret("k")})},
        {"connection": {**_HOST, "privateKey": "k", "dialErrorLimit": 3}},
        {"connection": {**_HOST, "privateKey": "k", "proxy": _HOST}},
        {"connection": {"host": UNKNOWN, "privateKey": "k"}},
        {"triggers": [{**_SOURCES[0], "path": "/other"}]},
        {"triggers": [{**_SOURCES[0], "hash": "other"}]},
        {"triggers": [_SOURCES[0], "b"]},
        {"triggers": Secret(["b"])},
        {"triggers": None},
        {"environment": {"A": Secret("2")}},
        {"stdin": Secret("s")},
    ],
)
