"""What clients do in a rehearsal: push, overwrite, mount, give up half way, delete."""

from __future__ import annotations

from http import HTTPStatus

from ops.registry.client import digest_of
from ops.tasks.rehearse.images import Image
from ops.tasks.rehearse.scene import TAGS, Scene

_LOOSE_BYTES = 500


def push(scene: Scene) -> str:
    """Push an image to a tag, whatever that was before."""
    return _push(scene, scene.repository(), scene.image())


def push_index(scene: Scene) -> str:
    """Push an index of images."""
    return _push(scene, scene.repository(), scene.index())


def push_again(scene: Scene) -> str:
    """Push an image that is there already, perhaps as garbage, as a client does that has it."""
    repository, digest = scene.chance.choice(sorted(filter(scene.model.is_whole, scene.model.manifests)))
    return _push(scene, scene.repository(), scene.client.fetch(repository, digest, scene.model.shapes))


def mount(scene: Scene) -> str:
    """Push an image that another repository has, without sending its layers."""
    origin, tag = scene.whole_tag()
    image = scene.client.fetch(origin, tag_digest := scene.model.tags[origin, tag], scene.model.shapes)
    return f"{_push(scene, scene.repository(), image, origin)}, mounted from {origin} ({tag_digest[:19]})"


def push_referrer(scene: Scene) -> str:
    """Push something that belongs to an image, as a signature does, by its digest alone."""
    repository, tag = scene.whole_tag()
    digest = scene.model.tags[repository, tag]
    image = scene.image(scene.client.fetch(repository, digest, scene.model.shapes))
    scene.expect(scene.client.push(repository, image.digest, image), HTTPStatus.CREATED)
    scene.model.pushed(repository, image.digest)
    return f"{repository}@{image.digest[:19]}, which belongs to {tag}"


def give_up(scene: Scene) -> str:
    """Push a layer and no manifest, and begin another one."""
    repository, content = scene.repository(), scene.chance.randbytes(_LOOSE_BYTES)
    scene.expect(scene.client.push_blob(repository, content), HTTPStatus.CREATED)
    scene.expect(scene.client.ask("POST", f"/v2/{repository}/blobs/uploads/"), HTTPStatus.ACCEPTED)
    scene.model.loose.add(digest_of(content))
    return f"to {repository}"


def delete_tag(scene: Scene) -> str:
    """Delete a tag."""
    repository, tag = scene.tag()
    scene.expect(scene.client.delete(repository, tag), HTTPStatus.ACCEPTED)
    scene.model.untagged(repository, tag)
    return f"{repository}:{tag}"


def delete_manifest(scene: Scene) -> str:
    """Delete a manifest with all its tags; not one of an index that is there, which would break that."""
    model = scene.model
    children = {(name, child) for name, one in model.manifests for child in model.family(one) - {one}}
    choice = sorted({(name, digest) for (name, _), digest in model.tags.items()} - children)
    if not choice:
        return "there is none that can be deleted"
    repository, digest = scene.chance.choice(choice)
    scene.expect(scene.client.delete(repository, digest), HTTPStatus.ACCEPTED)
    model.deleted(repository, digest)
    return f"{repository}@{digest[:19]}"


def _push(scene: Scene, repository: str, image: Image, origin: str = "") -> str:
    tag = scene.chance.choice(TAGS)
    scene.expect(scene.client.push(repository, tag, image, origin), HTTPStatus.CREATED)
    scene.model.pushed(repository, image.digest, tag)
    return f"{repository}:{tag} is {image.digest[:19]}"
