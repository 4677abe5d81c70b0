"""Makes hostile input with Hypothesis: the same few examples in each run, and many new ones with HYPOTHESIS_PROFILE=long."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

# Far more than any example takes on a busy machine, in seconds of this thread. What takes longer grows without bound.
PATIENCE_S = 5.0
_COMMON: dict[str, Any] = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
# A failure is shown as it was found: looking for the smallest takes minutes.
settings.register_profile("steady", derandomize=True, max_examples=60, phases=[Phase.explicit, Phase.generate], **_COMMON)
settings.register_profile("long", max_examples=1500, print_blob=True, **_COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

# Deeper than Python's stack, and a number with more digits than Python reads.
_DEEP = (b"[" * 20_000, b"[" * 5_000 + b"]" * 5_000, b'{"a":' * 5_000 + b"1" + b"}" * 5_000, b"1" * 5_000)
_ODD_NUMBERS = (10**400, -(10**400), 2**63, -1, float("inf"), float("-inf"), float("nan"), 1e308)
texts = st.text(st.characters(), max_size=40)  # halves of surrogate pairs are among them
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | st.sampled_from(_ODD_NUMBERS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)


def told(read: Callable[[], object], error: type[Exception]) -> str:
    """Read something; return what the one error says that may come of it, and nothing if it can be read."""
    try:
        read()
    except error as said:
        return str(said) or type(said).__name__
    return ""


@contextlib.contextmanager
def in_bounded_time() -> Iterator[None]:
    """Fail if something takes much longer than any input should."""
    began = time.thread_time()
    yield
    assert time.thread_time() - began < PATIENCE_S


@st.composite
def spoiled(draw: st.DrawFn, *documents: Any) -> Any:
    """Return a good document in which some values were replaced, removed, repeated or put elsewhere."""
    document = json.loads(json.dumps(draw(st.sampled_from(documents))))
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(document))
        if not places:
            break
        holder, key = draw(st.sampled_from(places))
        match draw(st.sampled_from(("replace", "replace", "replace", "remove", "move", "repeat"))):
            case "replace":
                holder[key] = draw(json_values)
            case "remove":
                del holder[key]
            case "move":
                other, place = draw(st.sampled_from(places))
                holder[key] = json.loads(json.dumps(other[place])) if _has(other, place) else None
            case "repeat" if isinstance(holder, list):
                holder.append(json.loads(json.dumps(holder[key])))
    return document


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(pairs):
        yield value, key
        yield from _places(inner)


def _has(holder: Any, key: Any) -> bool:
    return key in holder if isinstance(holder, dict) else key < len(holder)


@st.composite
def damaged(draw: st.DrawFn, *contents: bytes) -> bytes:
    """Return good content with bytes changed, cut out, repeated, or put in."""
    content = bytearray(draw(st.sampled_from(contents)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.integers(0, 12)))
        content[start:end] = draw(st.binary(max_size=8) | st.just(bytes(content[start:end]) * 2))
    return bytes(content)


def json_bodies(*documents: Any) -> st.SearchStrategy[bytes]:
    """Return a strategy for what may be sent where one of these documents is expected."""
    good = [json.dumps(document).encode() for document in documents]
    written = (spoiled(*documents) | json_values).map(lambda value: json.dumps(value).encode())
    return written | damaged(*good) | st.binary(max_size=200) | st.sampled_from(_DEEP) | st.sampled_from(good)
