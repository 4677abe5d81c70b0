"""The images lock: what it may say, and which versions it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.images import load_lock
from infra.paths import PROJECT_FOLDER
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
    assert images["redis"].reference == f"docker.io/library/redis:8.2.1-alpine@{DIGEST}"
    assert (images["redis"].name, images["redis"].version, images["redis"].pullable) == ("redis", "8.2.1-alpine", True)


def test_the_projects_own_lock_is_good() -> None:
    images = load_lock(PROJECT_FOLDER / "images.lock")
    assert set(images) == {"registry", "redis", "caddy", "python"}
    assert all(image.pullable for image in images.values())


@pytest.mark.parametrize(
    "image",
    [
        "redis",
        "redis:8",
        "redis@DIGEST",
        "redis:8@sha256:0123",
        "redis:8@DIGEST0",
        "Redis:8@DIGEST",
        "redis:8@md5:" + "0" * 64,
        "redis:8@DIGEST\n",
        "sha256:0123",
        "",
    ],
)
def test_an_image_without_digest_is_refused(tmp_path: Path, image: str) -> None:
    (problem,) = problems(lock(tmp_path, f"redis: {{image: {image!r}}}".replace("'", '"')))
    assert problem.startswith("images.lock: redis: ")
    assert "is not pinned" in problem


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
        "images.lock: a: version 1.0 is known to be bad (GHSA-2)",
        "images.lock: a: version 1.0 is older than 1.1 (CVE-1)",
        "images.lock: b: b:latest is not pinned; write repository:tag@sha256:<64 hex digits>",
    ]


def test_an_image_of_this_engine_is_known_by_its_id(tmp_path: Path) -> None:
    image = load_lock(lock(tmp_path, "redis: {image: DIGEST, version: 8.0.2}"))["redis"]
    assert (image.reference, image.version, image.pullable) == (DIGEST, "8.0.2", False)


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
        "other.lock: redis: version 7.0.1 is known to be bad (CVE-1)"
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- a", "images.lock: Input should be a valid dictionary"),
        ("a: {}", "images.lock: a.image: is required"),
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
