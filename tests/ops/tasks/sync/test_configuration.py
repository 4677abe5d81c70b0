"""What regsync is told: the real one reads it, and it names what was planned by digest."""

from __future__ import annotations

import json
from pathlib import Path

from ops.core.process import run
from ops.tasks.sync.configuration import configuration
from ops.tasks.sync.model import Job
from tests.ops.tasks.sync.entries_for_tests import entry, seen
from tests.real_programs import go_binary

TARGET = "127.0.0.1:9"


def test_tags_are_named_by_digest_and_options_are_passed_on() -> None:
    one = entry(referrers=True, digestTags=True, platforms=["linux/amd64"], interval="1h", policies={"hold": True})
    text = configuration([Job(one, seen("1.2"), None)], target=TARGET, parallel=3, login=("hub_user", "hub_token"))
    document = json.loads(text)
    (step,) = document["sync"]
    assert step == {
        "source": f"quay.io/org/app@{seen('1.2').digest}",
        "target": f"{TARGET}/org/app:1.2",
        "type": "image",
        "digestTags": True,
        "referrers": True,
        "platforms": ["linux/amd64"],
    }
    here, upstream = document["creds"]
    assert (here["tls"], upstream["tls"], upstream["registry"]) == ("disabled", "enabled", "quay.io")
    assert upstream["pass"] == '{{file "/run/secrets/hub_token" | trimSpace}}'
    assert document["defaults"]["parallel"] == 3


def test_the_real_program_reads_it(tmp_path: Path) -> None:
    """It gets as far as asking for the image, at an address where nothing answers."""
    one = entry(
        source="127.0.0.1:9/org/app", target="app", referrers=True, mediaTypes=["application/vnd.oci.image.manifest.v1+json"]
    )
    file = tmp_path / "runs.json"
    file.write_text(configuration([Job(one, seen("1"), None)], target=TARGET, parallel=1, tls=False))
    done = run([go_binary("regsync"), "once", "--config", file, "--logopt", "json"], timeout=60, check=False)
    assert "Failed to lookup source manifest" in done.stderr
    assert "connection refused" in done.stderr
