"""The engine of rehearsals: chooses actions by a seed, does them, and looks whether all is as the model says.

Its shape is that of kopia's robustness engine: https://github.com/kopia/kopia/tree/master/tests/robustness
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any

from ops.core import exit_codes
from ops.core.durations import duration
from ops.tasks.rehearse.actions import ACTIONS, Action
from ops.tasks.rehearse.model import Model
from ops.tasks.rehearse.scene import FindingError, Scene
from ops.tasks.rehearse.tasks import collect
from ops.tasks.rehearse.undoing import away, undo
from ops.tasks.rehearse.world import World

SCHEMA = 1
_CHECK_EVERY = 40
_SHOWN = 20


@dataclass(frozen=True)
class Rehearsed:
    """A rehearsal that has ended.

    Attributes:
        seed: With it, all is chosen again as it was.
        actions: How many actions were done.
        counts: How often each.
        problem: What was not as it has to be; empty if all was. It ends a rehearsal.
        last: The last actions, each in a line.
        tags: How many tags there are in the end, each of which was pulled.
        seconds: How long it took.
    """

    seed: str
    actions: int
    counts: Mapping[str, int]
    problem: str
    last: Sequence[str]
    tags: int
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether all was as it has to be."""
        return not self.problem

    @property
    def exit_code(self) -> int:
        """How it ended: see `ops.core.exit_codes`."""
        return exit_codes.OK if self.passed else exit_codes.MISMATCH

    @property
    def summary(self) -> str:
        """How it ended, in a line."""
        if self.problem:
            return f"after {self.actions} actions with seed {self.seed}: {self.problem}"
        return f"{self.actions} actions in {duration(self.seconds)}, and every push that was acknowledged pulls with its digest"

    def document(self) -> dict[str, Any]:
        """Return it as a JSON document."""
        return {"schema": SCHEMA, "passed": self.passed, **asdict(self)}


@dataclass
class Rehearsal:
    """A rehearsal that goes on.

    Attributes:
        world: Where it happens.
        seed: What chooses.
        model: What there is at the beginning.
        tell: Called with each action when it was done: its number, and what it did.
        actions: What may happen.
    """

    world: World
    seed: str
    model: Model = field(default_factory=Model)
    tell: Callable[[int, str], None] = lambda *_: None
    actions: Sequence[Action] = ACTIONS
    _counts: Counter[str] = field(default_factory=Counter)
    _log: list[str] = field(default_factory=list)

    def run(self, actions: int) -> Rehearsed:
        """Do so many actions, or fewer if something is not as it has to be; in the end, check everything.

        Whatever an action raises is a finding: all that may fail is expected by the action itself.
        """
        began, number, problem = time.monotonic(), 0, ""
        self.model.cached = self.world.cache is not None
        try:
            self._scene(0).check()
            for number in range(1, actions + 1):
                self._one(number)
            self._finish(self._scene(actions + 1))
        except FindingError as error:
            problem = str(error)
        except Exception as error:  # noqa: BLE001  # told, with what led to it
            problem = f"{type(error).__name__}: {error}"
        took = time.monotonic() - began
        return Rehearsed(self.seed, number, dict(self._counts), problem, self._log[-_SHOWN:], len(self.model.tags), took)

    def _one(self, number: int) -> None:
        scene = self._scene(number)
        possible = [one for one in self.actions if one.ready(scene)]
        (action,) = scene.chance.choices(possible, [one.weight for one in possible])
        self._counts[action.name] += 1
        self._log.append(f"{number} {action.name}")
        self._log[-1] = f"{number} {action.name}: {action.do(scene)}"
        self.tell(number, self._log[-1])
        if action.is_fault or number % _CHECK_EVERY == 0:
            scene.check(everything=False)

    def _finish(self, scene: Scene) -> None:
        """Check everything, collect, bring back what went, and check everything again each time."""
        scene.check()
        self._log.append(f"in the end, a collection: {collect(scene)}")
        scene.check()
        if away(self.model):
            self._log.append(f"in the end, an undo: {undo(scene)}")
            scene.check()

    def _scene(self, number: int) -> Scene:
        chance = Random(f"{self.seed} {number}")  # noqa: S311  # no secret: it is there to be had again
        return Scene(self.world, self.model, f"{self.seed}-{number}", chance)
