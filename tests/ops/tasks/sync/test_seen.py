"""An entry that fails on a real mirror, seen everywhere: `status`, doctor, metrics and messages; and that it is over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.config import REGOPS_FILE, render
from ops.config.notify import NotifySettings
from ops.core.files import write_atomic
from ops.stack.stack import Stack
from ops.tasks.doctor.checks.mirror import mirror as checks_of
from ops.tasks.sync.measured import FILE
from tests.ops.runs.test_task import CHANNEL, titles
from tests.ops.tasks.sync.mirror_rig import MirrorRig, running_mirror

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MirrorRig]:
    with running_mirror(tmp_path_factory.mktemp("mirror"), ["one"]) as running:
        notify = NotifySettings.model_validate({"channels": {"phone": CHANNEL}})
        config = running.stack.config.model_copy(update={"metrics": "metrics", "notify": notify})
        write_atomic(running.stack.root / "current" / REGOPS_FILE, render(config))
        (running.stack.root / "metrics").mkdir()
        running.stack = Stack(running.stack.root)
        yield running


def line(mirror: MirrorRig) -> str:
    """What `status` says of the mirror."""
    done = mirror.regops("status")
    (found,) = [text for text in (done.stdout + done.stderr).splitlines() if " mirror: " in text]
    return found


def measured(root: Path, name: str) -> str:
    (value,) = [text.split()[1] for text in (root / "metrics" / FILE).read_text().splitlines() if text.startswith(f"{name} ")]
    return value


def test_one_entry_breaks_is_quarantined_and_repaired(mirror: MirrorRig) -> None:
    stack, root = mirror.stack, mirror.stack.root
    mirror.push("good/app", "1")
    mirror.catalogue(mirror.entry("one", "good/app"), mirror.entry("one", "bad/app"))
    name = f"{mirror.fronts['one'].address}/bad/app"
    mirror.sync()
    assert line(mirror) == "warning  mirror: 1 of 2 entries well, oldest look 0 min ago; 1 failed"
    whole, entry, _ = checks_of(stack)
    assert (whole.state, entry.name) == ("warning", f"mirror {name}")
    assert titles(stack) == ["1 of 2 mirror entries fails"]
    for _ in range(4):
        mirror.sync("--force")
    assert line(mirror).endswith("; 1 quarantined")
    assert titles(stack) == ["1 of 2 mirror entries fails"] * 2, "once when it failed, once when it was quarantined"
    assert measured(root, "regops_mirror_quarantined") == "1.0"
    assert measured(root, f'regops_mirror_entry_last_success_seconds{{entry="{name}"}}') == "0.0"
    assert mirror.sync() == {}
    assert len(titles(stack)) == 2, "that nothing was due does not mean that all is well"
    mirror.push("bad/app", "1")
    assert f"`regops sync retry {name}`" in checks_of(stack)[1].remedy
    assert mirror.regops("sync", "retry", name).returncode == 0
    assert mirror.sync(name)["one/bad/app"]["state"] == "changed"
    assert line(mirror) == "ok       mirror: 2 of 2 entries well, oldest look 0 min ago"
    assert {check.state for check in checks_of(stack)} == {"ok"}
    assert titles(stack)[2:] == ["Resolved: 1 of 2 mirror entries fails"]
    assert measured(root, "regops_mirror_quarantined") == "0.0"
    assert measured(root, 'regops_mirror_entries{state="changed"}') in {"1.0", "2.0"}
