"""The Pulumi CLI built from its Go module, for machines that cannot download the official one."""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from infra.cache import cached, digest
from tools.offline.golang import GoProgram, copy_from_module, find_go, go_build
from tools.offline.steps import Step, run_steps

_SDK_MODULE = "github.com/pulumi/pulumi/sdk/v3"
# The script that the Python language host starts programs with; no wheel has it.
_EXECUTOR = "python/cmd/pulumi-language-python-exec"
# CPU seconds, only for the time left.
_WORK_S = 600.0


def ensure_cli(cache: Path) -> Path:
    """Return a folder for PATH that holds `pulumi` and `pulumi-language-python-exec`, built first if the cache lacks it.

    Their version is that of the installed Python SDK, so the two cannot diverge.

    Raises:
        CommandError: Go or a module is not available, or the build failed.
    """
    program = _program(version("pulumi"))

    def build(folder: Path) -> None:
        go = find_go(cache)
        executor = copy_from_module(go, _SDK_MODULE, program.version, _EXECUTOR, folder)
        executor.chmod(0o755)  # module archives drop the executable bit
        go_build(go, program, folder)

    name = f"pulumi-cli-{program.version}-{digest([asdict(program), _SDK_MODULE, _EXECUTOR])}"
    what = f"the Pulumi CLI {program.version}"
    if (cache / name).exists():
        return cached(cache, name, build, what=what)
    step = Step(what, lambda _: cached(cache, name, build, what=f"{what} (takes minutes, once)"), work_s=_WORK_S)
    made: Path = run_steps([step], 1)[what]
    return made


def _program(release: str) -> GoProgram:
    return GoProgram(
        module="github.com/pulumi/pulumi/pkg/v3",
        package="cmd/pulumi",
        version=release,
        tags=("osusergo", "grpcnotrace"),
        variables={f"{_SDK_MODULE}/go/common/version.Version": f"v{release}"},
    )
