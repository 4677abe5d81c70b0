"""The canary is a whole image, and its content follows from the seed."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile

from ops.registry.canary import make_canary


def test_the_same_seed_gives_the_same_image_and_another_one_shares_nothing() -> None:
    one, same, other = make_canary("2026-11-25"), make_canary("2026-11-25"), make_canary("2026-11-26")
    assert one == same
    assert one.digest != other.digest
    assert not set(one.blobs) & set(other.blobs)


def test_the_manifest_names_config_and_layer_as_they_are() -> None:
    canary = make_canary("seed")
    manifest = json.loads(canary.manifest)
    named = [manifest["config"], *manifest["layers"]]
    assert [(item["digest"], item["size"]) for item in named] == [
        (f"sha256:{hashlib.sha256(blob).hexdigest()}", len(blob)) for blob in canary.blobs
    ]


def test_the_layer_is_a_tarball_that_the_config_names() -> None:
    config, layer = make_canary("seed").blobs
    assert json.loads(config)["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        assert [member.name for member in archive.getmembers()] == ["canary"]
