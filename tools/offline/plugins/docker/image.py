"""Images: found on the Docker engine or pulled; removed only when the program does not keep them."""

from __future__ import annotations

from tools.offline.plugins.check import check
from tools.offline.plugins.diff import diff
from tools.offline.plugins.docker.engine import DockerEngine
from tools.offline.plugins.resource import Checked, Difference, Found, PluginError, name_of
from tools.offline.plugins.schema import STRINGS, Property
from tools.offline.plugins.state import inputs_after_read, plain, planned, preview_state
from tools.offline.plugins.values import Properties

SCHEMA = {
    "name": Property(required=True, replaces=True),
    "keepLocally": Property(kind="bool"),
    "forceRemove": Property(kind="bool"),
    "pullTriggers": Property(kind="set", item=STRINGS.item, replaces=True),
    "triggers": Property(kind="map", replaces=True),
    "platform": Property(replaces=True),
    "build": Property(covered=False),
    "imageId": Property(output=True),
    "repoDigest": Property(output=True),
}


class RemoteImage:
    """`docker:index/remoteImage:RemoteImage`."""

    def __init__(self, engine: DockerEngine) -> None:
        self._engine = engine

    def check(self, urn: str, inputs: Properties, olds: Properties, _proposed_name: str) -> Checked:
        """See Resource."""
        return check(SCHEMA, name_of(urn), inputs, olds, "")

    def diff(self, state: Properties, _old_inputs: Properties, inputs: Properties) -> Difference:
        """See Resource."""
        return diff(SCHEMA, state, inputs, delete_first=False)

    def create(self, _urn: str, inputs: Properties, *, preview: bool) -> tuple[str, Properties]:
        """See Resource."""
        if preview:
            return "", preview_state(SCHEMA, inputs)
        wanted = plain(inputs)
        state = self._state(wanted, self._find(wanted))
        return state["id"], state

    def read(self, _identifier: str, state: Properties, inputs: Properties) -> Found | None:
        """See Resource."""
        if not state.get("name"):
            raise PluginError("a RemoteImage cannot be imported, with the official plugin neither; let the program create it")
        image = self._inspect(state["name"])
        if image is None:
            return None
        found = self._state(state, image)
        return Found(found["id"], found, inputs_after_read(SCHEMA, inputs, found))

    def update(self, _urn: str, identifier: str, state: Properties, inputs: Properties, *, preview: bool) -> Properties:
        """See Resource."""
        result = planned(SCHEMA, state, inputs) | {"id": identifier}
        return result if preview else self._state(result, self._find(result))

    def delete(self, _urn: str, _identifier: str, state: Properties) -> None:
        """See Resource."""
        if state.get("keepLocally") or self._inspect(state["name"]) is None:
            return
        force = bool(state.get("forceRemove"))
        self._engine.find("Unable to remove Docker image", lambda api: api.remove_image(state["name"], force=force))

    def _find(self, wanted: Properties) -> Properties:
        try:
            return find_image(self._engine, wanted["name"], wanted.get("platform") or "")
        except PluginError as error:
            raise PluginError(f"Unable to read Docker image into resource: {error}") from error

    def _inspect(self, name: str) -> Properties | None:
        return self._engine.find("Error reading docker image", lambda api: api.inspect_image(name))

    def _state(self, wanted: Properties, image: Properties) -> Properties:
        name = wanted["name"]
        return {key: wanted.get(key) for key in SCHEMA} | {
            "id": f"{image['Id']}{name}",
            "imageId": image["Id"],
            "repoDigest": _digest(name, image.get("RepoDigests") or []),
        }


def find_image(engine: DockerEngine, name: str, platform: str) -> Properties:
    """Return an image of the Docker engine, pulled first when it is not there.

    Raises:
        PluginError: It is not there and cannot be pulled.
    """
    if not name:
        raise PluginError("empty image name is not allowed")
    there: Properties | None = engine.find(f"unable to inspect image {name}", lambda api: api.inspect_image(name))
    if there is not None:
        return there
    said = engine.do(
        f"unable to pull image {name}: error pulling image {name}",
        # Without credentials, like the official plugin without `registryAuth`.
        lambda api: list(api.pull(*_split(name), platform=platform or None, auth_config={}, stream=True, decode=True)),
    )
    for line in said:
        if "error" in line:
            raise PluginError(f"unable to pull image {name}: {line['error']}")
    pulled: Properties = engine.do(f"unable to find or pull image {name}", lambda api: api.inspect_image(name))
    return pulled


def _split(name: str) -> tuple[str, str]:
    """Return the repository and the tag or digest to pull: a digest counts more than a tag."""
    path, _, digest = name.partition("@")
    head, _, tag = path.rpartition(":")
    repository, tag = (head, tag) if head and "/" not in tag else (path, "")
    return repository, digest or tag or "latest"


def _digest(name: str, digests: list[str]) -> str:
    """Return the repository digest that the official plugin picks: the one that begins like the name, else the first."""
    path = name.split(":", maxsplit=1)[0]
    return next((digest for digest in digests if digest.startswith(path)), digests[0] if digests else "")
