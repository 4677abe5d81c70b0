"""Answers of other programs and machines: what comes of reading one that is not what was expected, and how it is shown."""

from __future__ import annotations

# Of reading a document from JSON, and of taking out of it what should be there.
UNEXPECTED = (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError)


def shown(text: str) -> str:
    """Return what of a text may go to terminals and pages: without control characters, and without halves of others."""
    return "".join(filter(str.isprintable, text))
