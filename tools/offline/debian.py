"""Debian packages: installed on this machine, or unpacked into the root file system of an image."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.paths import cache_folder
from infra.progress import progress
from ops.core.locks import Holder, hold, stuck
from ops.core.process import CommandError, run

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_LIMIT_S = 1800.0


@dataclass(frozen=True)
class RootFilesystem:
    """What a minimal Debian holds; the same packages give the same bytes.

    Attributes:
        packages: Installed beside the minimal set.
        links: Symbolic links to add, as (path, target); a package's own file of that name wins.
        suite: The Debian release.
        left_out: Paths that are not unpacked, since no container needs them.
        kept: Exceptions; copyright files stay because their licences ask for it.
        clean_up: Shell commands that end the work, on the folder `$1`: caches and logs differ from run to run.
        source_date_epoch: Files newer than this get this date: the day of the suite's release.
    """

    packages: tuple[str, ...]
    links: tuple[tuple[str, str], ...] = ()
    suite: str = "trixie"
    left_out: tuple[str, ...] = tuple(f"/usr/share/{name}/*" for name in ("doc", "man", "info", "locale", "lintian"))
    kept: tuple[str, ...] = ("/usr/share/doc/*/copyright", "/usr/share/locale/locale.alias")
    clean_up: tuple[str, ...] = (
        'find "$1"/var/log "$1"/var/cache/ldconfig -type f -delete',
        'rm -f "$1"/var/cache/debconf/*-old "$1"/var/lib/dpkg/*-old',
    )
    source_date_epoch: int = 1754697600


class PackageError(CommandError):
    """Something that should come from packages is not available; the message says what, and how to fix it."""


def apt_install(package: str, program: str, *, purpose: str, also: Sequence[str] = ()) -> Path:
    """Return the path of a program, after installing its package when it is missing.

    Args:
        package: The Debian package.
        program: A program in it; looked for on PATH and in the administrator's folders.
        purpose: What needs it, for the error.
        also: Packages that it only recommends, and that some releases lack.

    Raises:
        PackageError: This is not a Debian system, the user is not root, or apt failed.
        OSError: The cache folder, where the lock is, cannot be written.
    """

    def refusal(holder: Holder | None) -> PackageError:
        return PackageError(stuck(holder, "installing Debian packages", _LIMIT_S))

    # One at a time: steps and runs beside each other may find the same program missing, or half installed, and apt refuses to
    # run twice.
    with hold(cache_folder("run") / "apt.lock", f"installing {package}", refusal=refusal, patience=_LIMIT_S):
        return find_program(program) or _apt_install(package, program, purpose, also)


def _apt_install(package: str, program: str, purpose: str, also: Sequence[str]) -> Path:
    missing = f"{purpose} needs {program}, which is not installed"
    if shutil.which("apt-get") is None:
        raise PackageError(
            f"{missing}, and this system has no apt-get: install it by hand (in Debian it is in package {package})"
        )
    if os.geteuid() != 0:
        raise PackageError(f"{missing}: run `sudo apt-get install {package}`")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1"}
    apt = ["apt-get", "--quiet", "--yes", "--option", "DPkg::Lock::Timeout=300"]
    try:
        with progress(f"installing the Debian package {package}"):
            # A killed run leaves packages half installed; and one unreachable source among many is no reason to stop.
            run(["dpkg", "--configure", "--pending"], timeout=_LIMIT_S, env=environment, check=False)
            run([*apt, "update"], timeout=_LIMIT_S, env=environment, check=False)
            known = [name for name in also if _has_candidate(name)]
            run([*apt, "install", "--no-install-recommends", package, *known], timeout=_LIMIT_S, env=environment)
    except CommandError as error:
        raise PackageError(f"{missing}, and installing package {package} failed: {error}") from error
    if found := find_program(program):
        return found
    raise PackageError(f"{missing}: package {package} is installed, but does not contain it")


def _has_candidate(package: str) -> bool:
    policy = run(["apt-cache", "policy", package], timeout=60.0, env=os.environ | {"LC_ALL": "C"}, check=False)
    return re.search(r"^  Candidate: (?!\(none\))", policy.stdout, re.MULTILINE) is not None


def find_program(name: str) -> Path | None:
    """Return the path of a program on PATH or in the administrator's folders, which a user's PATH may lack."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"]))
    return Path(found) if found else None


def make_root_filesystem(contents: RootFilesystem, tarball: Path, *, base: Path | None = None) -> None:
    """Write a root file system as a tar archive.

    Args:
        contents: What it holds.
        tarball: The archive to write.
        base: An archive that was written with the same contents but fewer packages; adding packages to it is much faster than
            installing all of them.

    Raises:
        PackageError: mmdebstrap or the archive's keys are missing.
        CommandError: A package is not available.
    """
    mmdebstrap = apt_install("mmdebstrap", "mmdebstrap", purpose="building container images from Debian packages")
    if os.geteuid() != 0:
        apt_install("uidmap", "newuidmap", purpose="building container images without root")
    if not _KEYRING.exists():
        raise PackageError(f"{_KEYRING} is missing: run `sudo apt-get install debian-archive-keyring`")
    options = [f"--dpkgopt=path-exclude={pattern}" for pattern in contents.left_out]
    options += [f"--dpkgopt=path-include={pattern}" for pattern in contents.kept]
    hooks = _on_top(contents.packages) if base else []
    hooks += [f'test -e "$1{path}" || ln -s {target} "$1{path}"' for path, target in contents.links]
    options += [f"--customize-hook={hook}" for hook in (*hooks, *contents.clean_up)]
    run(
        [
            mmdebstrap,
            '--aptopt=Apt::Install-Recommends "false"',
            *(_unpacked(base) if base else ["--variant=minbase", f"--include={','.join(contents.packages)}"]),
            *options,
            contents.suite,
            tarball,
            *_sources(contents.suite),
        ],
        timeout=_LIMIT_S,
        env=os.environ | {"SOURCE_DATE_EPOCH": str(contents.source_date_epoch)},
    )


def unpack_program(package: str, path: str, target: Path, *, suite: str = RootFilesystem.suite) -> None:
    """Take one program out of a Debian package of a release that need not be this machine's.

    Args:
        package: The package.
        path: The program's path in it, without a leading slash.
        target: The file to write.
        suite: The Debian release.

    Raises:
        PackageError: mmdebstrap is missing.
        CommandError: The package is not available.
    """
    mmdebstrap = apt_install("mmdebstrap", "mmdebstrap", purpose=f"taking {path} out of the Debian package {package}")
    with tempfile.TemporaryDirectory() as folder:
        tarball = Path(folder) / "unpacked.tar"
        words = ["--variant=extract", f"--include={package}", '--aptopt=Apt::Install-Recommends "false"']
        run([mmdebstrap, *words, suite, tarball, *_sources(suite)], timeout=_LIMIT_S)
        with tarfile.open(tarball) as archive, target.open("wb") as file:
            member = archive.extractfile(f"./{path}")
            assert member is not None, path  # noqa: S101  # a file, or extractfile raises
            shutil.copyfileobj(member, file)
    target.chmod(0o755)


def unpack_packages(
    packages: Sequence[str], folder: Path, *, left_out: Sequence[str] = (), suite: str = RootFilesystem.suite
) -> None:
    """Unpack Debian packages, and what they need, into a folder that a program can be confined to; nothing is configured there.

    Args:
        packages: The packages.
        folder: An empty folder.
        left_out: Shell patterns of paths below the folder that are removed again.
        suite: The Debian release.

    Raises:
        PackageError: mmdebstrap is missing, or the user is not root.
        CommandError: A package is not available.
    """
    mmdebstrap = apt_install("mmdebstrap", "mmdebstrap", purpose=f"unpacking {', '.join(packages)}")
    if os.geteuid() != 0:
        raise PackageError(f"unpacking {', '.join(packages)} needs root")
    with tempfile.TemporaryDirectory() as scratch:
        tarball = Path(scratch) / "unpacked.tar"
        words = ["--variant=extract", f"--include={','.join(packages)}", '--aptopt=Apt::Install-Recommends "false"']
        run([mmdebstrap, *words, suite, tarball, *_sources(suite)], timeout=_LIMIT_S)
        excluded = [f"--exclude=./{pattern}" for pattern in (*left_out, "dev/*")]
        run(["tar", "-C", folder, "-xf", tarball, *excluded], timeout=_LIMIT_S)
    for name in ("bin", "lib", "lib64", "sbin"):  # the package that links them is not among the unpacked
        if not (folder / name).exists():
            (folder / name).symlink_to(f"usr/{name}")


def _unpacked(base: Path) -> list[str]:
    """Return options that make mmdebstrap start from an archive that it has written before, as its manual describes."""
    return ["--variant=custom", f"--setup-hook=mmtarfilter '--path-exclude=/dev/*' < {shlex.quote(str(base))} | tar -C \"$1\" -x"]


def _on_top(packages: Sequence[str]) -> list[str]:
    """Return the shell commands that add packages."""
    install = f"install --no-install-recommends {' '.join(packages)}"
    return [
        # This machine's apt downloads, since it is configured for the mirrors.
        f'APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get --quiet --yes --download-only {install}',
        f'DEBIAN_FRONTEND=noninteractive chroot "$1" apt-get --quiet --yes --no-download {install}',
        'rm -rf "$1"/var/cache/debconf/tmp.ci',
    ]


def upstream_version(status: str, package: str) -> str:
    """Return the upstream version of an installed package: `5:8.0.2-3+deb13u1` gives `8.0.2`.

    Args:
        status: Content of dpkg's status file.
        package: The package's name.

    Raises:
        PackageError: It is not installed.
    """
    found = re.search(rf"^Package: {re.escape(package)}\n(?:.+\n)*?Version: (?:\d+:)?([^\s+~-]+)", status, re.MULTILINE)
    if found is None:
        raise PackageError(f"package {package} is not in the root file system")
    return found[1]


def _sources(suite: str) -> list[str]:
    """Return apt sources of the suite on the mirrors that this machine uses; an empty list leaves the choice to mmdebstrap."""
    if shutil.which("apt-get") is None:
        return []
    listed = run(["apt-get", "indextargets", "--format", "$(ORIGIN) $(COMPONENT) $(CODENAME) $(REPO_URI)"], timeout=60.0)
    sources = set()
    for line in listed.stdout.splitlines():
        origin, component, codename, uri = line.split(" ", 3)
        _, dash, pocket = codename.partition("-")
        if (origin, component) == ("Debian", "main") and pocket in {"", "updates", "security"}:
            sources.add(f"deb [signed-by={_KEYRING}] {uri} {suite}{dash}{pocket} main")
    return sorted(sources)
