"""The data volume as the engine would be told: what keeps it from being lost, and when the host is prepared for it."""

from __future__ import annotations

from infra.hetzner.mount import mount_script
from infra.hetzner.prepare import PACKAGES, prepare_script
from tests.infra.hetzner.test_place import SERVER, only, rented

VOLUME = "hcloud:index/volume:Volume"
ATTACHMENT = "hcloud:index/volumeAttachment:VolumeAttachment"
DEVICE = "/dev/disk/by-id/scsi-0HC_Volume_42"
ROOT = "/srv/private-registry"


def prepared(size_gb: int) -> str:
    return prepare_script((*PACKAGES, "restic", "fuse3", "e2fsprogs"), mount_script(device=DEVICE, folder=ROOT, size_gb=size_gb))


def test_there_is_none_by_default_and_the_host_is_prepared_as_cloud_init_does() -> None:
    declared = rented()
    assert [*declared.of_type(VOLUME), *declared.of_type(ATTACHMENT)] == []
    assert declared.named("ready").inputs["stdin"] == prepare_script((*PACKAGES, "restic", "fuse3"))
    assert "fstab" not in prepare_script()


def test_a_new_one_is_formatted_by_the_api_and_protected_twice() -> None:
    volume = only(rented(volume={"size_gb": 100}), VOLUME)
    assert {key: volume.inputs[key] for key in ("size", "format", "location")} == {
        "size": 100,
        "format": "ext4",
        "location": "fsn1",
    }
    assert volume.inputs["deleteProtection"] is True
    assert volume.protect


def test_a_change_of_location_or_format_does_not_replace_it() -> None:
    assert only(rented(volume={"size_gb": 100}), VOLUME).ignored == {"location", "format"}


def test_told_for_the_first_time_it_is_not_protected_any_more() -> None:
    declared = rented(volume={"size_gb": 100}, protect=False)
    assert only(declared, VOLUME).inputs["deleteProtection"] is False
    assert not only(declared, VOLUME).protect
    assert not only(declared, ATTACHMENT).protect


def test_it_is_never_taken_away_from_a_server_at_work() -> None:
    attachment = only(rented(volume={"size_gb": 100}), ATTACHMENT)
    assert attachment.protect
    assert attachment.retained
    assert attachment.inputs == {"volumeId": 42, "serverId": 42, "automount": False}


def test_the_host_is_prepared_once_it_is_attached_and_again_when_it_has_grown_or_the_server_is_another_one() -> None:
    declared = rented(volume={"size_gb": 100})
    ready = declared.named("ready")
    assert {only(declared, kind).urn for kind in (SERVER, ATTACHMENT)} <= ready.dependencies
    assert ready.inputs["stdin"] == prepared(100)
    assert ready.inputs["triggers"] == ["42", "42"]
    assert rented(volume={"size_gb": 200}).named("ready").inputs["stdin"] == prepared(200) != prepared(100)


def test_the_user_data_of_the_server_is_the_same_with_and_without() -> None:
    with_volume, without = (only(declared, SERVER).inputs for declared in (rented(volume={"size_gb": 100}), rented()))
    assert with_volume["userData"] == without["userData"]


def test_one_that_is_there_is_taken_by_its_id_and_not_made() -> None:
    declared = rented(volume={"id": 123})
    assert declared.of_type(VOLUME) == []
    assert only(declared, ATTACHMENT).inputs["volumeId"] == 123
    assert f"device={DEVICE}\n" in declared.named("ready").inputs["stdin"]
