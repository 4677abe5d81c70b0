"""Somebody's first day with the mirror, all of it typed: their regsync.yml, the six kinds of upstream, one breaks, one by hand.

Each front stands for one of the six, as it behaves to who has no account there.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.catalogue.shipped import working_copy
from ops.config import REGOPS_FILE, RegopsConfig, render
from ops.core import exit_codes
from ops.core.files import write_atomic
from ops.core.process import Completed
from ops.notify.message import Message
from ops.notify.notifier import Notifier
from ops.upstream.budget import Budget
from tests.ops.runs.test_task import CHANNEL
from tests.ops.tasks.sync.mirror_rig import HERE, MirrorRig, running_mirror

pytestmark = pytest.mark.system

# What is added of each: its repository, and the tags that make sense there.
ADDED = {
    "hub": ("library/redis", r"7\.\d+"),
    "ghcr": ("acme/tool", r"v\d+\.\d+\.\d+"),
    "lscr": ("linuxserver/sonarr", r"\d+\.\d+\.\d+"),
    "gcr": ("distroless/static", "latest"),
    "quay": ("prometheus/node-exporter", r"v\d+\.\d+\.\d+"),
    "codeberg": ("forgejo/forgejo", r"\d+\.\d+"),
}
TAGS = {"hub": "7.4", "ghcr": "v1.2.3", "lscr": "4.0.1", "gcr": "latest", "quay": "v1.9.1", "codeberg": "12.0"}
# As they are written: https://github.com/regclient/regclient/blob/v0.11.6/docs/regsync.yml
REGSYNC = """\
version: 1
creds:
  - registry: docker.io
    user: "{{env \\"HUB_USER\\"}}"
    pass: "{{file \\"/home/me/.hub\\"}}"
defaults:
  ratelimit: {min: 100, retry: 15m}
  parallel: 2
sync:
  # what the team builds on
  - source: HUB/library/alpine
    target: registry.example.com/library/alpine
    type: repository
    tags:
      allow:
      - "3\\\\.\\\\d+"
      deny: ['3\\.9']
  - source: QUAY/team/app:1.0
    target: registry.example.com/team/app:1.0
    type: image
  - source: QUAY/team/app
    target: other.example.com/team/app
    type: repository
"""


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[MirrorRig]:
    with contextlib.ExitStack() as stack:
        mirror = stack.enter_context(running_mirror(tmp_path, list(ADDED)))
        for kind, front in mirror.fronts.items():
            front.token = kind != "gcr"
        mirror.fronts["hub"].budget, mirror.fronts["hub"].scopes = Budget(100, 80, 21600), 3
        mirror.fronts["ghcr"].one_scope = True
        mirror.fronts["codeberg"].page = 2
        notify = {"channels": {"phone": CHANNEL}}
        config = RegopsConfig.model_validate({**mirror.stack.config.model_dump(mode="json"), "notify": notify})
        write_atomic(mirror.stack.root / "current" / REGOPS_FILE, render(config))
        yield mirror


def typed(mirror: MirrorRig, *words: str, code: int = 0) -> Completed:
    """Type a command, which ends with this code."""
    done = mirror.regops(*words)
    assert done.returncode == code, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"
    return done


def told(mirror: MirrorRig) -> list[Message]:
    """Return the messages that wait for a channel."""
    box = Notifier(mirror.stack).outbox.mailbox("phone")
    return [stored.letter.message for _, stored in box.letters(box.new)]


def test_all_of_it_is_done_without_an_editor(mirror: MirrorRig, tmp_path: Path) -> None:
    hub, quay = mirror.fronts["hub"], mirror.fronts["quay"]
    for kind, (repository, _) in ADDED.items():
        mirror.push(repository, TAGS[kind], platforms=2)
    for tag in ("3.9", "3.21", "3.22", "edge"):
        mirror.push("library/alpine", tag, platforms=2)
    digest = mirror.push("team/app", "1.0")

    # Their regsync.yml is taken, but for what is of another registry.
    file = tmp_path / "regsync.yml"
    file.write_text(REGSYNC.replace("HUB", hub.address).replace("QUAY", quay.address))
    imported = typed(mirror, "catalogue", "import", str(file), code=exit_codes.WARNINGS).stderr
    assert "3 entries: 2 taken into" in imported
    assert "target other.example.com/team/app is not this registry" in imported

    # One of each kind is added, and what it costs is shown before.
    for kind, (repository, pattern) in ADDED.items():
        front = mirror.fronts[kind]
        added = typed(mirror, "catalogue", "add", f"{front.address}/{repository}", "--tags", pattern, "--keep", "3").stderr
        assert f"goes to {repository}: 1 tag to copy" in added
        assert "costs " in added
        assert (f"pulls of {hub.address}" in added) == (kind == "hub"), added
    typed(mirror, "catalogue", "check")
    plan = typed(mirror, "sync", "plan", "--bytes").stdout
    assert "looked at 8 entries with 9 tags" in plan
    assert f"pulls that {hub.address} grants yet" in plan

    first = json.loads(typed(mirror, "sync", "--json").stdout)["report"]
    assert {one["state"] for one in first["entries"]} == {"changed"}
    assert first["verified"] == sum(len(one["copied"]) for one in first["entries"]) == 9
    assert mirror.tags("library/alpine") == ["3.21", "3.22"]
    assert "mirror: 8 of 8 entries well" in typed(mirror, "status").stdout
    assert told(mirror) == []

    # One breaks: it is told once, put into quarantine, and holds up nobody.
    quay.private = {"prometheus/node-exporter"}
    mirror.push("acme/tool", "v1.2.4", platforms=2)
    failed = json.loads(typed(mirror, "sync", "--force", "--json", code=exit_codes.WARNINGS).stdout)["report"]["entries"]
    states = {one["repository"]: one["state"] for one in failed}
    assert (states.pop("prometheus/node-exporter"), states.pop("acme/tool")) == ("failed", "changed")
    assert set(states.values()) == {"unchanged"}
    (message,) = told(mirror)
    assert message.title == "1 of 8 mirror entries fails"
    for _ in range(4):
        typed(mirror, "sync", "--force", code=exit_codes.WARNINGS)
    assert "quarantined" in typed(mirror, "sync", "status").stdout
    assert "7 of 8 entries well, oldest look 0 min ago; 1 quarantined" in " ".join(
        typed(mirror, "status", code=exit_codes.WARNINGS).stderr.split()
    )

    # It is mended upstream, and here.
    quay.private = set()
    name = f"{quay.address}/prometheus/node-exporter"
    typed(mirror, "sync", "retry", name)
    assert "unchanged" in typed(mirror, "sync", name, "--json").stdout
    assert "quarantined" not in typed(mirror, "sync", "status").stdout
    _, quarantined, over = told(mirror)
    assert any(line.startswith(f"quarantined: {name}: ") for line in quarantined.lines)
    assert over.tags == ("white_check_mark",)

    # And one image, now.
    by_hand = typed(mirror, "mirror", f"{quay.address}/team/app:1.0", "--as", "by-hand/app:stable")
    assert by_hand.stdout.splitlines()[1] == f"docker pull {HERE}/by-hand/app:stable"
    assert mirror.digest("by-hand/app", "stable") == digest
    assert working_copy(mirror.stack.root).read_text().count("source:") == 8, "no entry was made for that"
