"""Patterns of tags, matched by the engine whose language they are written in: RE2, which Go's `regexp` is.

https://github.com/google/re2. It takes time in proportion to a text, whatever somebody writes into a pattern.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import re2  # type: ignore[import-untyped]

_MAX_BYTES = 64 << 20


class Patterns:
    """Some patterns. Each has ^ before it and $ after it, as regsync puts them: `a|b` is `^a|b$`."""

    def __init__(self, patterns: Sequence[str]) -> None:
        """Compile patterns.

        Raises:
            ValueError: One is none, or is too large; the message says which.
        """
        anchored = [f"^{one}$" for one in patterns]
        try:
            # All at once, that takes no longer than one of them, however many there are.
            self._searches = [_search("|".join(f"(?:{one})" for one in anchored))] if anchored else []
        except ValueError:
            # All of them together are too large.
            self._searches = [_search(one) for one in anchored]

    def match(self, text: str) -> bool:
        """Whether any of them matches."""
        return any(search(text) is not None for search in self._searches)


def _search(pattern: str) -> Callable[[str], object | None]:
    options = re2.Options()
    options.max_mem = _MAX_BYTES
    options.log_errors = False
    options.never_capture = True
    try:
        search: Callable[[str], object | None] = re2.compile(pattern, options).search
    except re2.error as error:
        told = error.args[0] if error.args else ""
        raise ValueError(f"{pattern!r}: {told.decode() if isinstance(told, bytes) else told}") from None
    return search
