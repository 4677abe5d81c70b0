"""Checkouts of this project beside its own: copies of what is here, clones of what was, with the packages that are here."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

from infra.paths import PROJECT_FOLDER
from ops.core.process import run

# The version before: 0.1.0, as it was before the console, alerts that are messages, and what else has come since.
BEFORE = {"tag": "v0.1.0", "commit": "6c871995e4b4ee647736525920a2dd1ed44a2847"}
_LIMIT_S = 120
_NOT_COPIED = shutil.ignore_patterns(".git", ".venv", ".state", ".coverage", "__pycache__", ".*_cache")
_AUTHOR = ["-c", "user.name=Test", "-c", "user.email=test@example.com"]
_DAY_S = 86400.0


def copy_to(folder: Path) -> None:
    """Copy the project as it is now, with what nobody has committed yet, into a folder."""
    shutil.copytree(PROJECT_FOLDER, folder, dirs_exist_ok=True, ignore=_NOT_COPIED)


def git(folder: Path, *words: str | Path) -> str:
    """Run git in a folder, and return what it prints."""
    return run(["git", "-C", folder, *_AUTHOR, *words], timeout=_LIMIT_S).stdout


def has_commit(commit: str) -> bool:
    """Whether the project's repository is here, and goes back to a commit."""
    found = run(["git", "-C", PROJECT_FOLDER, "cat-file", "-e", f"{commit}^{{commit}}"], timeout=_LIMIT_S, check=False)
    return found.returncode == 0


def clone_at(folder: Path, commit: str) -> None:
    """Clone the project's repository, without its tags, and check a commit out."""
    run(["git", "clone", "--quiet", "--no-tags", "--no-checkout", PROJECT_FOLDER, folder], timeout=_LIMIT_S)
    git(folder, "checkout", "--quiet", "--detach", commit)


def part_at(folder: Path, commit: str, part: str) -> None:
    """Write a part of the project, as it was at a commit, to a new folder."""
    folder.mkdir()
    packed = folder / "part.tar"
    run(["git", "-C", PROJECT_FOLDER, "archive", "--output", packed, commit, part], timeout=_LIMIT_S)
    shutil.unpack_archive(packed, folder, filter="data")


def release_in(folder: Path, tag: str) -> None:
    """Commit the project as it is now to a clone, on top of what its repository has, and tag it."""
    git(folder, "rm", "-r", "--quiet", ".")
    copy_to(folder)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", tag)
    git(folder, "tag", tag)


def with_packages(folder: Path) -> None:
    """Let a checkout have the Python packages of this process, so that its `make` installs none."""
    there = folder / ".venv"
    there.mkdir()
    for one in Path(sys.prefix).iterdir():
        if not one.name.startswith(".requirements-"):
            (there / one.name).symlink_to(one)
    ready = there / ".requirements-{}.{}".format(*sys.version_info)
    ready.touch()
    # A checkout of another version writes its requirements anew, and makes them newer.
    os.utime(ready, (time.time() + _DAY_S,) * 2)
