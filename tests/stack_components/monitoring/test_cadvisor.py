"""Rules and dashboards ask for what cAdvisor really measures: on the stacks of tests it does not run."""

from __future__ import annotations

import pytest

from tests.stack_components.monitoring.cadvisor import metrics
from tests.stack_components.monitoring.used_metrics import used


@pytest.mark.system
def test_what_is_asked_of_cadvisor_is_measured_by_it() -> None:
    asked = used("container_")
    assert len(asked) > 10
    assert asked - metrics() == set()
