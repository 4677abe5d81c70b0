"""What an action has in its hands: the world, the model, what it may choose from, and what it says when something is wrong."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from random import Random

from ops.core import exit_codes
from ops.core.findings import and_more
from ops.registry.transport import Answer
from ops.tasks.rehearse.client import Client
from ops.tasks.rehearse.images import Image, make_image, make_index, shape_of
from ops.tasks.rehearse.model import Model, Place
from ops.tasks.rehearse.world import World, files_of

REPOSITORIES = ("base", "library/alpine", "team/app", "team/app/worker", "team/web")
TAGS = ("latest", "v1", "v2", "v3")
_LAYERS, _MOST_LAYERS, _INDEX_OF = 24, 3, 2
# Of what must not be there: all that ever was, at the end; a few of it, in between.
_SAMPLE = 40


class FindingError(Exception):
    """Something is not as it has to be; the message says what."""

    exit_code = exit_codes.MISMATCH


@dataclass
class Scene:
    """What an action works with.

    Attributes:
        world: Where it happens.
        model: What has to be true.
        name: Of the action's number in its rehearsal: images get their seeds from it.
        chance: Chooses; the same for the same seed and number.
    """

    world: World
    model: Model
    name: str
    chance: Random

    @property
    def client(self) -> Client:
        """A client of the registry."""
        return self.world.client

    def repository(self) -> str:
        """Choose a repository to push to."""
        return self.chance.choice(REPOSITORIES)

    def tag(self) -> Place:
        """Choose one of the tags that are there."""
        return self.chance.choice(sorted(self.model.tags))

    def whole_tag(self) -> Place:
        """Choose one of the tags that can be pulled."""
        return self.chance.choice(self.model.whole_tags())

    def image(self, subject: Image | None = None) -> Image:
        """Make an image that is not there yet, of layers that others may have, and learn what it leads to."""
        return self.learn(make_image(self.name, self.chance.choices(range(_LAYERS), k=_MOST_LAYERS), subject))

    def index(self) -> Image:
        """Make an index of images that are not there yet."""
        name, images = self.name, list[Image]()
        for number in range(_INDEX_OF):
            self.name = f"{name}.{number}"
            images.append(self.image())
        self.name = name
        return self.learn(make_index(images))

    def learn(self, image: Image) -> Image:
        """Learn what an image leads to."""
        self.model.shapes[image.digest] = shape_of(image.manifest)
        return image

    def settle(self, repository: str, tag: str, digest: str) -> str:
        """After a push that nobody has acknowledged: the tag points to what it did before, or to the new image, and is whole.

        Raises:
            FindingError: It points to something else.
        """
        before, now = self.model.tags.get((repository, tag), ""), self.client.digest(repository, tag)
        if now not in {before, digest}:
            raise FindingError(f"{repository}:{tag} was {before or 'nothing'} and is {now or 'nothing'} after a failed push")
        if not now:
            self.model.half.add((repository, tag))
        came = [one for one in sorted(self.model.family(digest)) if self.client.digest(repository, one)]
        self.model.there((repository, one) for one in came)
        if now == digest:
            self.model.pushed(repository, now, tag)
        return "it came in" if now == digest else "it did not come in"

    def check(self, *, everything: bool = True) -> None:
        """Check all that has to be true of the registry.

        Args:
            everything: Whether all that was ever deleted is asked for, not only some of it.

        Raises:
            FindingError: Something is not true.
        """
        model, client, wrong = self.model, self.client, list[str]()
        for repository in model.repositories():
            expected = {tag for name, tag in model.tags if name == repository}
            half = {tag for name, tag in model.half if name == repository}
            if not expected <= (listed := set(client.tags(repository))) <= expected | half:
                wrong.append(f"{repository} lists the tags {sorted(listed)}, and has to have {sorted(expected)}")
        tagged = {(repository, digest) for (repository, _), digest in model.tags.items()}
        pulled = [(repository, tag, digest) for (repository, tag), digest in model.tags.items()]
        pulled += [(repository, digest, digest) for repository, digest in model.manifests - tagged]
        for repository, reference, digest in sorted(pulled):
            whole = model.is_whole((repository, digest))
            wrong += client.wrong(repository, reference, digest, model.shapes if whole else {})
        gone = sorted(model.ever - model.manifests - model.maybe)
        for repository, digest in gone if everything else self.chance.sample(gone, min(_SAMPLE, len(gone))):
            if client.digest(repository, digest):
                wrong.append(f"{repository}@{digest} is served, and was deleted")
        self.found(wrong)

    def check_collected(self) -> None:
        """After a collection: check that exactly what is referenced is on the disk.

        Raises:
            FindingError: It is not.
        """
        there, expected = files_of(self.world.live().tree), self.model.blobs()
        self.found([f"{one} is not on the disk after a collection" for one in sorted(expected - there)])
        left = sorted((there & self.model.known()) - expected)
        self.found([f"{one} is still on the disk after a collection" for one in left])

    def found(self, wrong: Collection[str]) -> None:
        """Raise if there is anything wrong.

        Raises:
            FindingError: There is.
        """
        if wrong:
            raise FindingError(f"{next(iter(wrong))}{and_more(wrong)}")

    def expect(self, answer: Answer, *statuses: int) -> None:
        """Check the status of an answer.

        Raises:
            FindingError: It is another one.
        """
        if answer.status not in statuses:
            raise FindingError(f"{answer.asked} was answered {answer}")
