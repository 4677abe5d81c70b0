"""What registries say about their limits, as they say it."""

from __future__ import annotations

import pytest

from ops.upstream.budget import Budget, budget_of, is_pull_limit


@pytest.mark.parametrize(
    ("limit", "remaining", "expected"),
    [
        ("100;w=21600", "54;w=21600", Budget(100, 54, 21600)),
        ("200;w=21600", "0;w=21600", Budget(200, 0, 21600)),
        ("100", "99", Budget(100, 99, 0)),
        ("", "", None),
        ("100;w=21600", "", None),
        ("unlimited", "1", None),
        ("9" * 5000, "1", None),
        ("100;w=" + "9" * 5000, "54", Budget(100, 54, 0)),
    ],
)
def test_a_budget_is_read_from_the_headers(limit: str, remaining: str, expected: Budget | None) -> None:
    headers = {"ratelimit-limit": limit, "ratelimit-remaining": remaining}
    assert budget_of({name: value for name, value in headers.items() if value}) == expected


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        # In an answer to a HEAD, the number alone tells.
        ({"ratelimit-limit": "100;w=21600", "ratelimit-remaining": "0;w=21600"}, b"", True),
        ({}, b"toomanyrequests: You have reached your unauthenticated pull rate limit.", True),
        ({"ratelimit-limit": "100;w=21600", "ratelimit-remaining": "7;w=21600"}, b"Too Many Requests", False),
        ({}, b"", False),
    ],
)
def test_the_two_kinds_of_429_are_told_apart(headers: dict[str, str], body: bytes, expected: bool) -> None:
    assert is_pull_limit(headers, body) == expected
