"""A registry that serves a restored tree to nobody else: read-only, without a network, and gone afterwards.

It is asked from inside its container, where it also computes the digests of what it serves: no byte of a blob comes out.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.errors import DockerException
from docker.types import LogConfig, Mount

from ops.core import exit_codes
from ops.core.docker_engine import connected
from ops.core.files import write_atomic
from ops.core.process import CommandError, Conversation
from ops.registry.client import ANY_MANIFEST

# With the stack's folder. Whatever has it was left behind by a drill that was killed.
LABEL = "private-registry.drill"
_CONFIG = """\
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: /var/lib/registry}
  maintenance: {readonly: {enabled: true}, uploadpurging: {enabled: false, age: 72h, interval: 24h, dryrun: true}}
http: {addr: "127.0.0.1:5000", secret: of a drill}
"""
_ANSWERED = "# answered\n"
# Errors come by the same way as answers: Docker hands on the two streams in any order, and one could count for the next answer.
_ASKING = """\
exec 2>&1
sum() { if command -v "$1" > /dev/null; then "$1"; else busybox "$1"; fi; }
while read -r kind target; do
  wget -q -O - --header "Accept: $1" "http://127.0.0.1:5000$target" | sum "${kind}sum"
  echo "# answered"
done
"""
_MEMORY, _CPUS, _PROCESSES = 512 * 1024**2, 0.5, 64
_START_LIMIT_S, _ANSWER_LIMIT_S, _PAUSE_S = 60.0, 900.0, 0.2
_EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


class ScratchError(Exception):
    """The scratch registry does not start; the message says why."""

    exit_code = exit_codes.FAILED


@dataclass(frozen=True)
class ScratchRegistry:
    """A registry that runs.

    Attributes:
        asked: What asks it.
        image: The id of its image.
    """

    asked: Conversation
    image: str

    def served(self, repository: str, kind: str, reference: str, digest: str) -> str:
        """Return why what it serves is not what it should be; empty if it is.

        Args:
            repository: The repository.
            kind: `manifests` or `blobs`.
            reference: A tag or a digest.
            digest: What the content should have.
        """
        algorithm, _, expected = digest.partition(":")
        target = f"/v2/{repository}/{kind}/{reference}"
        try:
            found, said = self._sum(algorithm, target)
        except CommandError as error:
            return f"{target}: {error}"
        if found == expected:
            return ""
        return f"{target} is not served{said}" if found == _EMPTY or said else f"{target} has the digest {algorithm}:{found}"

    def answers(self) -> bool:
        """Whether it answers."""
        try:
            return self._sum("sha256", "/v2/")[0] not in {"", _EMPTY}
        except CommandError:
            return False

    def _sum(self, algorithm: str, target: str) -> tuple[str, str]:
        lines = self.asked.ask(f"{algorithm} {target}\n", _ANSWERED.__eq__).splitlines()[:-1]
        sums = [line.split()[0] for line in lines if line.endswith("  -")]
        said = "; ".join(line for line in lines if not line.endswith("  -"))
        return (sums[-1] if sums else ""), (f": {said}" if said else "")


@contextlib.contextmanager
def scratch_registry(folder: Path, tree: Path, image: str, *, root: Path) -> Iterator[ScratchRegistry]:
    """Run a registry on a tree, and remove it in the end.

    Args:
        folder: Where its configuration is written.
        tree: Its root directory, which it cannot write to.
        image: Its image.
        root: The stack's folder; a name that other stacks do not have.

    Raises:
        EngineError: The Docker engine does not answer.
        ScratchError: It does not start.
    """
    config = folder / "registry.yml"
    write_atomic(config, _CONFIG, mode=0o644)
    with connected() as engine, contextlib.ExitStack() as removed:
        remove_left_behind(engine, f"{LABEL}={root}")
        try:
            container = engine.containers.create(
                image,
                ["serve", "/etc/distribution/config.yml"],
                labels={LABEL: str(root)},
                network_mode="none",
                **confined(config, tree, read_only=True),
            )
            removed.callback(container.remove, force=True, v=True)
            container.start()
        except DockerException as error:
            raise ScratchError(f"a registry of {image} cannot be started: {error}") from error
        words = ["docker", "exec", "--interactive", str(container.id), "sh", "-c", _ASKING, "sh", ANY_MANIFEST]
        with Conversation(words, timeout=_ANSWER_LIMIT_S) as asked:
            registry = ScratchRegistry(asked, str(container.attrs["Image"]))
            give_up = time.monotonic() + _START_LIMIT_S
            while not registry.answers():
                container.reload()
                if container.status != "running" or time.monotonic() > give_up:
                    said = container.logs(tail=5).decode(errors="replace").strip()
                    raise ScratchError(f"a registry of {image} does not answer: {said}")
                time.sleep(_PAUSE_S)
            yield registry


def confined(config: Path, tree: Path, *, read_only: bool) -> dict[str, Any]:
    """Return the arguments for the container of a registry that may do no more than it has to, as its tree's owner.

    Args:
        config: Its configuration.
        tree: Its root directory.
        read_only: Whether it cannot write to that.
    """
    owner = tree.stat()
    return {
        "user": f"{owner.st_uid}:{owner.st_gid}",
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "mem_limit": _MEMORY,
        "memswap_limit": _MEMORY,
        "nano_cpus": int(_CPUS * 1e9),
        "pids_limit": _PROCESSES,
        "tmpfs": {"/tmp": "rw,noexec,nosuid,nodev,size=16m,mode=1777"},  # noqa: S108  # the container's own, in memory
        "environment": {"OTEL_TRACES_EXPORTER": "none"},
        "log_config": LogConfig(type="json-file", config={"max-size": "1m", "max-file": "1"}),
        "mounts": [
            Mount("/var/lib/registry", str(tree), type="bind", read_only=read_only),
            Mount("/etc/distribution/config.yml", str(config), type="bind", read_only=True),
        ],
    }


def remove_left_behind(engine: docker.DockerClient, label: str) -> None:
    """Remove the containers with a label: of runs that were killed."""
    for container in engine.containers.list(all=True, filters={"label": label}):
        container.remove(force=True, v=True)


def image_of(recorded: str, now: str) -> tuple[str, str]:
    """Return the image to run: the recorded one, or today's where that cannot be had; and why, if it is not the recorded one.

    Raises:
        EngineError: The Docker engine does not answer.
        ScratchError: There is none.
    """
    problem = "the backup does not say which registry it is of"
    with connected() as engine:
        for image in dict.fromkeys(one for one in (recorded, now) if one):
            try:
                engine.images.get(image)
            except DockerException:
                try:
                    engine.images.pull(image)
                except DockerException as error:
                    problem = f"the recorded image {image} cannot be had ({error})"
                    continue
            return image, "" if image == recorded else f"{problem}; {image} was used"
    raise ScratchError(f"there is no registry to serve the backup: {problem}")
