"""When each alert of the mirror fires, and when it stays quiet."""

from __future__ import annotations

from tests.stack_components.monitoring.alert_cases import UP, Case

_RUN = 'regops_mirror_last_run_timestamp_seconds{instance="n",job="node-exporter"}'
_ENTRY = 'regops_mirror_entry_last_success_seconds{entry="%s",instance="n",job="node-exporter"}'
_QUARANTINED = "regops_mirror_quarantined"
_PULLS = 'regops_mirror_pulls_remaining{registry="%s"}'
_DAY_S = 86_400
_LABELS = {"entry": "docker.io/team/app", "instance": "n", "job": "node-exporter"}
_APP = _ENTRY % "docker.io/team/app"

FIRING = [
    Case(
        "three days behind the last run",
        "MirrorEntryStale",
        {_RUN: f"{10 * _DAY_S}x300", _APP: f"{7 * _DAY_S - 1}x300", _ENTRY % "ghcr.io/a/b": f"{10 * _DAY_S}x300"},
        "61m",
        "docker.io/team/app has not been mirrored for three days or longer",
        _LABELS,
    ),
    Case(
        "never well, and known for three days",
        "MirrorEntryStale",
        {_RUN: "300x9000", _APP: "0x9000"},
        "4385m",
        "docker.io/team/app has not been mirrored for three days or longer",
        _LABELS,
        "5m",
    ),
    Case(
        "for a day",
        "MirrorQuarantine",
        {_QUARANTINED: "2x3000"},
        "1445m",
        "Mirror entries in quarantine: 2",
        evaluated="5m",
    ),
    Case(
        "two runs did not come",
        "MirrorHasNotRun",
        {_RUN: "0x2000"},
        "736m",
        "Nothing has looked at the mirror's entries for 12h 16m 0s",
        {"instance": "n", "job": "node-exporter"},
    ),
    Case(
        "the catalogue is wrong from the start",
        "MirrorNeverRan",
        {UP % "node-exporter": "1x1500"},
        "721m",
        "Nothing has looked at the mirror's entries yet",
    ),
    Case(
        "others have used them up",
        "MirrorPullsLow",
        {_PULLS % "docker.io": "9x20"},
        "6m",
        "Docker Hub granted 9 more pulls when the mirror last asked",
        {"registry": "docker.io"},
    ),
]
QUIET = [
    Case("two days behind", "MirrorEntryStale", {_RUN: f"{10 * _DAY_S}x300", _APP: f"{8 * _DAY_S}x300"}, "90m"),
    Case(
        "nothing runs, which is another alert",
        "MirrorEntryStale",
        {_RUN: "100x10000", _APP: "100x10000"},
        "4900m",
        evaluated="5m",
    ),
    Case("added a day ago, and not well yet", "MirrorEntryStale", {_RUN: "300x3000", _APP: "0x3000"}, "1440m", evaluated="5m"),
    Case("well since a day", "MirrorEntryStale", {_RUN: "300x9000", _APP: "0x5000 300x4000"}, "4400m", evaluated="5m"),
    Case("out again within a day", "MirrorQuarantine", {_QUARANTINED: "2x2700 0x300"}, "1445m", evaluated="5m"),
    Case("one run did not come", "MirrorHasNotRun", {_RUN: "0x2000"}, "719m"),
    Case("it has run", "MirrorNeverRan", {_RUN: "300x2000", UP % "node-exporter": "1x2000"}, "721m"),
    Case("nothing is seen of the host, which is another alert", "MirrorNeverRan", {UP % "node-exporter": "0x1500"}, "721m"),
    Case("ten are left", "MirrorPullsLow", {_PULLS % "docker.io": "10x20"}, "6m"),
    Case("another registry's", "MirrorPullsLow", {_PULLS % "ghcr.io": "1x20"}, "6m"),
]
