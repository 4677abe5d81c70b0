"""What is found in expressions, by examples of each kind."""

from __future__ import annotations

import pytest

from tests.stack_components.monitoring.promql import selectors, windows_s


@pytest.mark.parametrize(
    ("expr", "found"),
    [
        ("up == 0", {"up"}),
        ('up{job="a"} == 0 or time() - max by (job) (b_seconds) > 1e6', {'up{job="a"}', "b_seconds"}),
        ("rate(a_total[5m]) / on (x, y) group_left () (b offset 3d > bool 0.5)", {"a_total", "b"}),
        ('sum(rate(a{code=~"5..|{}",x!~"p(q)"}[5m])) or vector(0)', {'a{code=~"5..|{}",x!~"p(q)"}'}),
        ("a:b:ratio_1h > 0.072 unless a:b:ratio_1h", {"a:b:ratio_1h"}),
        ("vector(1)", set()),
    ],
)
def test_selectors_are_names_that_are_no_functions(expr: str, found: set[str]) -> None:
    assert selectors(expr) == found


def test_windows_are_what_is_looked_back_at() -> None:
    assert list(windows_s("rate(a[90s]) + increase(b[2m]) / count_over_time(c[3d]) offset 1h")) == [90, 120, 3 * 86_400]
