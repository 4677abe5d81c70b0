"""The images lock: what it may say, and which versions it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from infra.images import load_lock
from infra.project import LOCK
from infra.services import SERVICES
from infra.settings import SettingsError

DIGEST = "sha256:" + "0123456789abcdef" * 4


def lock(folder: Path, text: str, name: str = "images.lock") -> Path:
    path = folder / name
    path.write_text(text.replace("DIGEST", DIGEST))
    return path


def problems(path: Path, floors: Path | None = None) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_lock(path, floors=floors)
    return caught.value.problems


def accepted(folder: Path, version: str, rule: str) -> bool:
    path = lock(folder, f'a: {{image: "a:{version}@DIGEST", {rule}}}')
    try:
        load_lock(path)
    except SettingsError:
        return False
    return True


def test_a_lock_is_read(tmp_path: Path) -> None:
    images = load_lock(lock(tmp_path, "redis: {image: docker.io/library/redis:8.2.1-alpine@DIGEST}"))
    image = images["redis"]
    assert image.reference == f"docker.io/library/redis:8.2.1-alpine@{DIGEST}"
    assert (image.name, image.tag, image.version) == ("redis", "docker.io/library/redis:8.2.1-alpine", "8.2.1-alpine")
    assert (image.pullable, image.pinned, image.unavailable) == (True, True, "")


def test_the_projects_own_lock_has_every_image_and_says_what_must_not_run() -> None:
    images = load_lock(LOCK)
    assert set(images) == {kind.image for kind in SERVICES.values()}
    assert all(image.pullable and not image.unavailable for image in images.values())
    assert all("minimum" in entry for entry in yaml.safe_load(LOCK.read_text()).values())


@pytest.mark.parametrize(
    ("name", "reference", "told"),
    [
        # S11: the system this replaces ran this one.
        (
            "cadvisor",
            "ghcr.io/google/cadvisor:0.53.0",
            "older than 0.56.2 (google/cadvisor#3643, #3860: older ones find no container on Docker 29)",
        ),
        ("caddy", "caddy:2.11.1-alpine", "GHSA-7r4p-vjf4-gxv4: clients could inject identity headers"),
        ("registry", "registry:3.0.0", "known to be bad (CVE-2026-35172, GHSA-f2g3-hh2r-cwgc: "),
        ("registry", "registry:3.1.0", "older than 3.1.1 (GHSA-6pjf-3r9x-m592: "),
    ],
)
def test_versions_that_must_not_run_are_refused_with_image_reason_and_remedy(
    tmp_path: Path, name: str, reference: str, told: str
) -> None:
    (problem,) = problems(lock(tmp_path, f"{name}: {{image: '{reference}@DIGEST'}}", "other.lock"), floors=LOCK)
    assert problem.startswith(f"other.lock: {name}: {reference} is ")
    assert told in problem
    assert problem.endswith("; choose another version and run `make lock`")


@pytest.mark.parametrize("image", ["registry.example.com:5000/a/redis:8.2.1", "redis:v8.2.1-alpine", "redis:8.2.1.4"])
def test_a_whole_version_without_digest_is_not_pinned_but_accepted(tmp_path: Path, image: str) -> None:
    # Which places may run it is the plan's to say.
    read = load_lock(lock(tmp_path, f"redis: {{image: '{image}'}}"))["redis"]
    assert (read.reference, read.tag, read.pinned, read.pullable) == (image, image, False, True)


def test_an_image_that_cannot_be_had_says_why(tmp_path: Path) -> None:
    image = load_lock(lock(tmp_path, "ui: {unavailable: no package has it, minimum: {version: 2.0.0, why: x}}"))["ui"]
    assert (image.reference, image.unavailable) == ("", "no package has it")


@pytest.mark.parametrize(
    "image",
    [
        "redis",
        "redis:8",
        "redis:8.2",
        "redis:latest",
        "redis:latest@DIGEST",
        "redis:alpine8.2.1",
        "redis@DIGEST",
        "redis:8@sha256:0123",
        "redis:8@DIGEST0",
        "Redis:8@DIGEST",
        "redis:8@md5:" + "0" * 64,
        "redis:8@DIGEST\n",
        "redis:8.2.1\n",
        "sha256:0123",
    ],
)
def test_an_image_that_may_become_another_is_refused(tmp_path: Path, image: str) -> None:
    (problem,) = problems(lock(tmp_path, f"redis: {{image: {image!r}}}".replace("'", '"')))
    assert problem.startswith("images.lock: redis: ")
    assert "is not a fixed version; write name:1.2.3 and run `make lock`" in problem


@pytest.mark.parametrize(
    ("version", "minimum", "good"),
    [
        ("3.1.1", "3.1.1", True),
        ("3.1.0", "3.1.1", False),
        ("v3.10", "v3.9", True),
        ("3.9", "3.10", False),
        ("3.1.2-alpine", "3.1.2", True),
        ("3.13.16-slim-trixie", "3.13.0", True),
        ("3.13", "3.13.0", True),
        ("3.1", "3.1.1", False),
        ("latest", "0.1", False),
    ],
)
def test_versions_are_compared_as_numbers(tmp_path: Path, version: str, minimum: str, good: bool) -> None:
    assert accepted(tmp_path, version, f'minimum: {{version: "{minimum}", why: "CVE-1"}}') == good


@pytest.mark.parametrize(
    ("version", "good"), [("3.1.1", False), ("v3.1.1-alpine", False), ("3.1.1.0", False), ("3.1.11", True), ("3.1.0", True)]
)
def test_a_version_known_to_be_bad_is_refused(tmp_path: Path, version: str, good: bool) -> None:
    assert accepted(tmp_path, version, 'bad: [{version: "3.1.1", advisory: GHSA-1}]') == good


def test_every_problem_is_told_with_its_reason(tmp_path: Path) -> None:
    text = """
        a: {image: "a:1.0@DIGEST", minimum: {version: "1.1", why: "CVE-1"}, bad: [{version: "1.0", advisory: GHSA-2}]}
        b: {image: "b:latest"}
        c: {image: "c:2.0@DIGEST"}
    """
    assert problems(lock(tmp_path, text)) == [
        "images.lock: a: a:1.0 is known to be bad (GHSA-2) and older than 1.1 (CVE-1);"
        " choose another version and run `make lock`",
        "images.lock: b: b:latest is not a fixed version; write name:1.2.3 and run `make lock`",
    ]


def test_an_image_of_this_engine_is_known_by_its_id(tmp_path: Path) -> None:
    image = load_lock(lock(tmp_path, "redis: {image: DIGEST, version: 8.0.2}"))["redis"]
    assert (image.reference, image.version, image.pullable, image.pinned) == (DIGEST, "8.0.2", False, True)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("{image: DIGEST, version: 7.1.9}", ["other.lock: redis: version 7.1.9 is older than 7.2.0 (too old)"]),
        ("{image: DIGEST}", ["other.lock: redis: version unknown is older than 7.2.0 (too old)"]),
        (
            "{image: DIGEST, version: 7.1.9, minimum: {version: 7.0.0, why: mine}}",
            ["other.lock: redis: version 7.1.9 is older than 7.2.0 (too old)"],
        ),
    ],
)
def test_another_lock_obeys_the_floors_of_the_main_one(tmp_path: Path, entry: str, told: list[str]) -> None:
    main = lock(tmp_path, 'redis: {image: "redis:8.0@DIGEST", minimum: {version: 7.2.0, why: "too old"}}')
    assert problems(lock(tmp_path, f"redis: {entry}", "other.lock"), floors=main) == told
    load_lock(lock(tmp_path, "redis: {image: DIGEST, version: 7.2.0}", "other.lock"), floors=main)


def test_another_lock_obeys_its_own_floors_as_well(tmp_path: Path) -> None:
    main = lock(tmp_path, "redis: {image: 'redis:8.0@DIGEST'}")
    entry = "redis: {image: 'redis:7.0.1@DIGEST', bad: [{version: 7.0.1, advisory: CVE-1}]}"
    assert problems(lock(tmp_path, entry, "other.lock"), floors=main) == [
        "other.lock: redis: redis:7.0.1 is known to be bad (CVE-1); choose another version and run `make lock`"
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- a", "images.lock: Input should be a valid dictionary"),
        ("a: {}", "images.lock: a: give either image, or unavailable with the reason"),
        ("a: {image: ''}", "images.lock: a: give either image, or unavailable with the reason"),
        ("a: {image: 'a:1@DIGEST', unavailable: x}", "images.lock: a: give either image, or unavailable with the reason"),
        ("a: [", "images_lock: cannot read "),
        ("a: {image: 'a:1@DIGEST', pinned: true}", "images.lock: a.pinned: unknown key"),
        ("a: {image: 'a:1@DIGEST', minimum: {version: 3.10, why: x}}", "images.lock: a.minimum.version: "),
        ("A B: {image: 'a:1@DIGEST'}", "images.lock: A B."),
    ],
)
def test_a_malformed_lock_is_told(tmp_path: Path, text: str, told: str) -> None:
    (problem,) = problems(lock(tmp_path, text))
    assert problem.startswith(told)


def test_a_lock_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path / "images.lock")
    assert str(tmp_path / "images.lock") in problem
    (tmp_path / "images.lock").write_bytes(b"\xff\xfe")
    assert "cannot read" in problems(tmp_path / "images.lock")[0]
