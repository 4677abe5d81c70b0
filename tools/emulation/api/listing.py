"""Lists: filtered, sorted and paged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from starlette.datastructures import QueryParams

from tools.emulation.api.errors import invalid
from tools.emulation.api.labels import matches
from tools.emulation.api.web import Answer, Call, ok

Json = dict[str, Any]
_PER_PAGE = 25
_MAX_PER_PAGE = 50


def listing(call: Call, key: str, items: Iterable[Json], *, fields: Sequence[str] = ("name",), paged: bool = True) -> Answer:
    """Answer a list.

    Args:
        call: The request, with `label_selector`, `sort`, `page`, `per_page` and the names of `fields` in its query.
        key: The key of the list in the answer.
        items: All items, as the API shows them.
        fields: Fields that can be filtered by.
        paged: Whether it comes in pages.

    Raises:
        ApiError: The query is invalid.
    """
    query = call.query
    shown = [item for item in items if _wanted(item, query, fields)]
    for sort in reversed(query.getlist("sort")):
        field, _, direction = sort.partition(":")
        if direction not in {"", "asc", "desc"} or any(not isinstance(item.get(field), str | int) for item in shown):
            raise invalid("sort", f"{sort!r} is not supported")
        shown.sort(key=_value_of(field), reverse=direction == "desc")
    if not paged:
        return ok(**{key: shown})
    page, per_page = _number(query, "page", 1), min(_number(query, "per_page", _PER_PAGE), _MAX_PER_PAGE)
    last = max(1, -(-len(shown) // per_page))
    pagination = {
        "page": page,
        "per_page": per_page,
        "previous_page": page - 1 if page > 1 else None,
        "next_page": page + 1 if page < last else None,
        "last_page": last,
        "total_entries": len(shown),
    }
    return ok(**{key: shown[(page - 1) * per_page : page * per_page], "meta": {"pagination": pagination}})


def _wanted(item: Mapping[str, Any], query: QueryParams, fields: Sequence[str]) -> bool:
    # An empty filter counts as no filter: https://github.com/hetznercloud/hcloud-go leaves it out, other clients do not.
    filters = [(field, [value for value in query.getlist(field) if value]) for field in fields]
    if any(values and str(item[field]) not in values for field, values in filters):
        return False
    selector = query.get("label_selector")
    return not selector or matches(selector, item["labels"])


def _value_of(field: str) -> Callable[[Json], Any]:
    return lambda item: item[field]


def _number(query: QueryParams, name: str, default: int) -> int:
    text = query.get(name) or str(default)
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise invalid(name, "must be a positive number")
    return int(text)
