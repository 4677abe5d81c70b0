"""What takes long to find out about images: what each has for itself, and who pulls it. Pages get what was found last."""

from __future__ import annotations

from functools import cached_property

from ops.console.behind import Behind, Courtesy, Pace
from ops.registry.sharing import Contents, Share, Sharing
from ops.registry.tree import RegistryTree
from ops.stack.access_log import access_log_of
from ops.stack.clients import ClientLog, Pulling
from ops.stack.stack import Stack

_SHARING_S, _PULLING_S = 60.0, 10.0


class Figures:
    """The figures of one registry."""

    def __init__(self, stack: Stack, tree: RegistryTree, courtesy: Courtesy) -> None:
        """Know nothing yet."""
        self._stack = stack
        self.shares: Behind[Sharing] = Behind(Contents(tree).sharing, courtesy, good_for_s=_SHARING_S)
        self.pulls: Behind[Pulling] = Behind(self._read, courtesy, good_for_s=_PULLING_S)

    def begin(self) -> None:
        """Begin to find out, before anybody asks."""
        self.shares.begin()
        self.pulls.begin()

    def repository(self, name: str) -> tuple[Share | None, float | None]:
        """Return what a repository has for itself, and when anything of it was last pulled; None for what is not known."""
        shares, pulls = self.shares.get(), self.pulls.get()
        return (shares.repositories.get(name) if shares else None), (pulls.last(name) if pulls else None)

    def image(self, repository: str, tag: str, digest: str | None) -> tuple[Share | None, float | None]:
        """Return what an image has for itself, and when it was last pulled; None for what is not known."""
        shares, pulls = self.shares.get(), self.pulls.get()
        share = shares.images.get(digest) if shares and digest else None
        return share, (pulls.last(repository, tag, digest) if pulls else None)

    @property
    def since(self) -> float | None:
        """How far back pulls are known (Unix time); None if none are."""
        pulls = self.pulls.get()
        return pulls.since if pulls else None

    @cached_property
    def _log(self) -> ClientLog:
        return ClientLog(access_log_of(self._stack))

    def _read(self, pace: Pace) -> Pulling:
        return self._log.read(pace)
