"""Pages of long lists, and the numbers and times that people put into addresses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

PER_PAGE = 100


@dataclass(frozen=True)
class Slice:
    """One page of a long list."""

    items: Sequence[Any]
    number: int
    pages: int
    count: int


def sliced(request: Request, items: Sequence[Any]) -> Slice:
    """Return the page of a list that a request asks for; the last one if there are fewer."""
    pages = max(1, math.ceil(len(items) / PER_PAGE))
    page = min(number(request, "page", 1, limit=10**6), pages)
    return Slice(items[(page - 1) * PER_PAGE : page * PER_PAGE], page, pages, len(items))


def number(request: Request, name: str, default: int, *, limit: int) -> int:
    """Return a number from the query; the default for what is none."""
    try:
        return max(1, min(int(request.query_params.get(name, default)), limit))
    except ValueError:
        return default


def asked_for(request: Request) -> str:
    """Return what somebody searches for."""
    return request.query_params.get("q", "").strip()
