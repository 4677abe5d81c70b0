"""What is read of Alertmanager's notifications, and what is no notification."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ops.config import MOST_ALERTS
from ops.events.alerts import Alert, parse
from tests.ops.events.alert_samples import WATCHDOG, alert, body


def test_an_alert_is_read_whole() -> None:
    found = parse(body(alert(known_by="0123456789abcdef", instance="a:1"), alert(status="resolved"), left_out=3))
    assert (found.group, found.left_out, found.is_watchdog) == ("RegistryDown", 3, False)
    assert found.alerts[0] == Alert(
        id="0123456789abcdef",
        name="RegistryDown",
        firing=True,
        severity="critical",
        labels={
            "alertname": "RegistryDown",
            "service": "registry",
            "severity": "critical",
            "stack": "registry-test",
            "instance": "a:1",
        },
        summary="RegistryDown: it is down",
        description="See `docker ps -a`.",
        started=1_795_003_110.123456,
    )
    assert [one.firing for one in found.alerts] == [True, False]


def test_the_one_that_always_fires_is_a_sign_of_life_and_no_alert() -> None:
    assert parse(WATCHDOG).is_watchdog
    assert not parse(body(alert("Watchdog", status="resolved"))).is_watchdog
    assert not parse(body(alert("Watchdog"), alert())).is_watchdog
    assert not parse(body()).is_watchdog


@pytest.mark.parametrize(
    "given",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"alerts": {}}',
        b'{"alerts": [1, null, [], {}]}',
        b"\xff\xfe",
        b"[" * 100_000,
        body({"labels": {"alertname": ""}}),
        body({"labels": {"alertname": 7}}),
    ],
)
def test_what_is_no_notification_is_refused(given: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse(given)


@pytest.mark.parametrize(
    "spoiled",
    [
        {"labels": {"alertname": "A", "n": 1, "m": None}},
        {"labels": {"alertname": "A"}, "annotations": []},
        {"labels": {"alertname": "A"}, "annotations": {"summary": {"a": 1}}, "startsAt": 5},
        {"labels": {"alertname": "A"}, "startsAt": "yesterday", "fingerprint": "../../etc/passwd"},
        {"labels": {"alertname": "A"}, "startsAt": "0001-01-01T00:00:00Z", "fingerprint": None},
        {"labels": {"alertname": "A\ud800"}},
    ],
)
def test_an_alert_with_wrong_parts_is_read_without_them(spoiled: dict[str, Any]) -> None:
    (found,) = parse(body(spoiled)).alerts
    assert found.name.startswith("A")
    assert found.firing
    assert len(found.id) == 16
    assert found.id.isalnum()
    json.dumps(found.labels, ensure_ascii=False).encode()


def test_what_has_no_id_is_known_by_its_labels() -> None:
    one, again, other = (parse(body({"labels": {"alertname": "A", "x": x}})).alerts[0].id for x in ("1", "1", "2"))
    assert one == again != other


def test_a_flood_is_cut_and_counted() -> None:
    found = parse(body(*(alert(instance=str(number)) for number in range(MOST_ALERTS + 7)), left_out=2))
    assert (len(found.alerts), found.left_out) == (MOST_ALERTS, 9)
    long = parse(body(alert("A" * 10_000, **{f"label{number}": "x" * 10_000 for number in range(1000)})))
    assert len(json.dumps(long.alerts[0].labels)) < 200_000
