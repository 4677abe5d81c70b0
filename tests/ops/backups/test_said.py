"""What restic has said in tests with full disks, cut connections and torn files, and what is made of it."""

from __future__ import annotations

import pytest

from ops.backups.said import said_full, said_lost, said_torn, said_torn_snapshot

HERE = "/mnt/usb/registry"


@pytest.mark.parametrize(
    ("said", "place"),
    [
        (f"Save(<data/08af>) failed: write {HERE}/data/08/08af-tmp-11: no space left on device", HERE),
        ("Save(<data/01af>) failed: sftp: no space left on device", HERE),
        (
            "rclone: 2026/11/29 ERROR : data/df/1: Post request put error: preallocate: file too big for remaining disk space",
            HERE,
        ),
        ("rclone: ERROR : data/df/1: Post request put error: write /home/r/data/df/1: disk quota exceeded", HERE),
        ("ignoring error for /a: write /srv/x/a: no space left on device\nFatal: There were 2 errors", "/srv/x/a"),
        ("Fatal: unable to open repository", ""),
    ],
)
def test_what_is_full(said: str, place: str) -> None:
    assert said_full(said, HERE) == place


def test_a_lost_connection_and_a_torn_index_are_known() -> None:
    assert said_lost("Fatal: unable to save snapshot: ssh command exited: exit status 255")
    assert said_lost("Save(<data/8b76>) failed: rclone stdio connection already closed")
    assert not said_lost("Fatal: wrong password")
    assert said_torn('{"message":"LoadRaw(\\u003cindex/aaaaaaaaaa\\u003e): invalid data returned"}')
    assert said_torn("LoadRaw(<index/2d711642b7>): invalid data returned")
    assert not said_torn("LoadRaw(<snapshot/2d711642b7>): invalid data returned")
    assert said_torn_snapshot("LoadRaw(<snapshot/2d711642b7>): invalid data returned") == "2d711642b7"
    assert not said_torn_snapshot("LoadRaw(<index/2d711642b7>): invalid data returned")
