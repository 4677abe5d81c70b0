"""`make lock`: updates the digests in an images lock to those that its tags have today, and keeps everything else.

python -m tools.bootstrap.lock              ask all registries, then rewrite images.lock
python -m tools.bootstrap.lock --dry-run    only show what would change
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

import docker
import yaml
from docker.errors import DockerException
from requests.exceptions import RequestException

from infra.images import Image, load_lock
from infra.progress import progress
from infra.project import LOCK
from infra.settings import SettingsError
from ops.core.files import write_atomic
from ops.core.process import CommandError
from tools.bootstrap.docker_engine import ensure_docker
from tools.bootstrap.errors import SetupError

# The engine itself gives up on a registry that does not answer, after some attempts.
_ANSWER_LIMIT_S = 120
_AT_ONCE = 8


@dataclass
class Refreshed:
    """What the registries answered.

    Attributes:
        changed: Old and new reference by name.
        unchanged: Names of those whose tag still has the pinned digest.
        failed: Why there is no digest, by name; these stay as they are.
    """

    changed: dict[str, tuple[str, str]] = field(default_factory=dict)
    unchanged: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def refresh(lock: Path, docker_host: str, *, dry_run: bool = False) -> Refreshed:
    """Ask the registries for the digests of a lock's tags, and write those that have changed.

    Args:
        lock: The file; everything else in it stays as it is, comments included.
        docker_host: The engine that asks, with this user's logins.
        dry_run: Leave the file alone.

    Raises:
        SettingsError: The lock is invalid, or names a version that must never run.
        SetupError: The file is formatted in a way that cannot be edited without loss.
    """
    images = [image for image in load_lock(lock, floors=LOCK).values() if not image.unavailable and image.pullable]
    with (
        contextlib.closing(docker.DockerClient(base_url=docker_host, timeout=_ANSWER_LIMIT_S)) as client,
        progress(f"asking the registries for {len(images)} images"),
        ThreadPoolExecutor(_AT_ONCE) as pool,
    ):
        answers = list(pool.map(lambda image: _ask(client, image), images))
    found = Refreshed()
    for image, answer in zip(images, answers, strict=True):
        if isinstance(answer, Exception):
            found.failed[image.name] = str(getattr(answer, "explanation", None) or answer)
        elif answer == image.reference:
            found.unchanged.append(image.name)
        else:
            found.changed[image.name] = (image.reference, answer)
    if found.changed and not dry_run:
        write_atomic(lock, _rewritten(lock, found.changed))
    return found


def _ask(client: docker.DockerClient, image: Image) -> str | Exception:
    """Return an image's reference with the digest that its tag has now; for several platforms that is the digest of the index."""
    try:
        return f"{image.tag}@{client.images.get_registry_data(image.tag).id}"
    except (DockerException, RequestException) as error:
        return error


def _rewritten(lock: Path, changed: Mapping[str, tuple[str, str]]) -> str:
    """Return a lock's text with other references."""
    text = lock.read_text()
    wanted = yaml.safe_load(text)
    for name, (old, new) in changed.items():
        text = re.sub(rf"(?m)^([^#\n]*\bimage[\"']?:[ ]*[\"']?){re.escape(old)}(?=[\"'\s,}}]|$)", rf"\g<1>{new}", text)
        wanted[name]["image"] = new
    if yaml.safe_load(text) != wanted:
        raise SetupError(f"{lock.name} cannot be edited without loss; write each image as `image: name:version` on its own line")
    return text


def _show(found: Refreshed) -> str:
    lines = []
    for name, (old, new) in found.changed.items():
        tag, _, digest = new.partition("@")
        lines.append(f"{name}: {tag} is {digest}, was {old.partition('@')[2] or 'not pinned'}\n")
    return "".join([*lines, f"{len(found.changed)} changed, {len(found.unchanged)} unchanged, {len(found.failed)} failed\n"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code: 0, or 1 when an image has no digest."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.bootstrap.lock", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dry-run", action="store_true", help="change nothing")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--file", type=Path, default=LOCK, help="the lock (default: %(default)s)")
    given = parser.parse_args(arguments)
    try:
        found = refresh(given.file, ensure_docker(), dry_run=given.dry_run)
    except (SettingsError, SetupError) as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    except (CommandError, DockerException, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write(json.dumps(asdict(found), indent=2) + "\n" if given.json else _show(found))
    for name, why in found.failed.items():
        sys.stderr.write(f"error: {name} stays as it is: {why}\n")
    return 1 if found.failed else 0


if __name__ == "__main__":
    sys.exit(main())
