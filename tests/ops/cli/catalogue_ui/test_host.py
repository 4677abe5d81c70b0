"""The catalogue of a host on the screen: how its entries fared when the mirror looked at them last."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from ops.config import MIRROR_FOLDER
from ops.stack.stack import Stack
from ops.tasks.sync.mirror import mirror_of
from ops.tasks.sync.model import EntryResult, EntryState, Failure
from ops.tasks.sync.state import DATABASE, MirrorState
from tests.ops.cli.catalogue_ui.pilots import before, driven, mirroring

WHY = "401 from ghcr.io: the token of [bold]robot[/] was refused"
LOOKED = 1_790_000_000.0  # 2026-09-21 14:13:20 UTC


def remember(root: Path, result: EntryResult) -> None:
    """Have a run remember how an entry fared."""
    with closing(MirrorState(root / MIRROR_FOLDER / DATABASE)) as state:
        state.ended([(result, LOOKED + 86400)], LOOKED)


@driven
async def test_an_entry_shows_how_it_fared(tmp_path: Path) -> None:
    root = tmp_path / "host"
    file = mirroring(root, "docker.io")
    with mirror_of(Stack(root)) as mirror:
        (entry,) = mirror.entries
    well = EntryResult(entry, EntryState.UNCHANGED)
    failed = EntryResult(entry, EntryState.FAILED, failures={"": Failure(WHY)}, tries=5, quarantined=True)
    async with before(file, root=root, size=(200, 30)) as person:
        assert person.rows[0].startswith("docker.io"), "nobody has looked yet"
    remember(root, well)
    async with before(file, root=root, size=(200, 30)) as person:
        await person.until(lambda: person.rows[0].startswith("✓"))
        await person.until("✓ as upstream has it, looked at 2026-09-21 14:13Z")
    remember(root, failed)
    async with before(file, root=root, size=(200, 30)) as person:
        await person.until(lambda: person.rows[0].startswith("✗"))
        await person.until("✗ failed at 2026-09-21 14:13Z, quarantined")
        await person.until(WHY)
        await person.until("last well: 2026-09-21 14:13Z")
        await person.press("w")
        assert len(person.rows) == 1, "what failed is wrong, too"
