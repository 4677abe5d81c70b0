"""A client of the registry of a rehearsal, which works as Docker does: what the registry says it has is not sent."""

from __future__ import annotations

import hashlib
import http.client
import json
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

from ops.registry.client import ANY_MANIFEST, digest_of, with_query
from ops.registry.transport import Answer, Endpoint, PooledEndpoint
from ops.tasks.rehearse.images import Image, Shape

_SEND_LIMIT_S = 20.0


class Client:
    """A client of a registry that lets everybody do everything."""

    def __init__(self, url: str) -> None:
        """Connect to nothing yet."""
        self._url, self._endpoint = url, PooledEndpoint(url)

    def close(self) -> None:
        """Close the kept connections, as after a restart of the registry."""
        self._endpoint.close()

    def answers(self) -> bool:
        """Whether the registry answers; raises if nobody is there."""
        return Endpoint(self._url).ask("GET", "/v2/", headers={}).status == HTTPStatus.OK

    def ask(self, method: str, target: str, content: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a request.

        Raises:
            UnreachableError: There is no answer.
        """
        return self._endpoint.ask(method, target, headers=headers or {}, content=content)

    def push_blob(self, repository: str, content: bytes, origin: str = "") -> Answer:
        """Push a blob unless it is there; with an origin, mount it from there if the registry does that."""
        digest = digest_of(content)
        there = self.ask("HEAD", f"/v2/{repository}/blobs/{digest}")
        if there.status == HTTPStatus.OK:
            return there
        mount = f"?mount={digest}&from={origin}" if origin else ""
        begun = self.ask("POST", f"/v2/{repository}/blobs/uploads/{mount}")
        if begun.status != HTTPStatus.ACCEPTED:
            return begun
        return self.ask("PUT", with_query(begun.headers["Location"], {"digest": digest}), content)

    def push_content(self, repository: str, image: Image, origin: str = "") -> Answer | None:
        """Push all but the manifest of an image; return the answer of the step that failed."""
        for child in image.children:
            failed = self.push_content(repository, child, origin) or _failed(self.put(repository, child.digest, child))
            if failed:
                return failed
        return next((one for blob in image.blobs if (one := _failed(self.push_blob(repository, blob, origin)))), None)

    def put(self, repository: str, reference: str, image: Image) -> Answer:
        """Push a manifest."""
        target, headers = f"/v2/{repository}/manifests/{reference}", {"Content-Type": image.media_type}
        return self.ask("PUT", target, image.manifest, headers)

    def push(self, repository: str, reference: str, image: Image, origin: str = "") -> Answer:
        """Push an image; return the answer of the step that failed, or of the last."""
        return self.push_content(repository, image, origin) or self.put(repository, reference, image)

    def send(self, repository: str, reference: str, image: Image) -> http.client.HTTPConnection:
        """Send a manifest and do not wait for the answer."""
        connection = http.client.HTTPConnection(urlsplit(self._url).netloc, timeout=_SEND_LIMIT_S)
        target, headers = f"/v2/{repository}/manifests/{reference}", {"Content-Type": image.media_type}
        connection.request("PUT", target, image.manifest, headers)
        return connection

    def fetch(self, repository: str, digest: str, shapes: Mapping[str, Shape]) -> Image:
        """Pull an image with all that it leads to.

        Raises:
            RegistryError: Something of it is not there.
        """
        answer = self.ask("GET", f"/v2/{repository}/manifests/{digest}", headers={"Accept": ANY_MANIFEST}).expect(HTTPStatus.OK)
        shape = shapes[digest]
        blobs = [self.ask("GET", f"/v2/{repository}/blobs/{one}").expect(HTTPStatus.OK).body for one in shape.blobs]
        children = [self.fetch(repository, one, shapes) for one in shape.children if one in shapes]
        return Image(answer.body, answer.headers["Content-Type"], blobs, children)

    def delete(self, repository: str, reference: str) -> Answer:
        """Delete a tag, or a manifest with its tags."""
        return self.ask("DELETE", f"/v2/{repository}/manifests/{reference}")

    def look(self, repository: str, reference: str) -> Answer:
        """Ask whether a tag or digest is there; what it stands for is in the answer's headers."""
        return self.ask("HEAD", f"/v2/{repository}/manifests/{reference}", headers={"Accept": ANY_MANIFEST})

    def digest(self, repository: str, reference: str) -> str:
        """Return what a tag or digest stands for; empty if it is not there."""
        answer = self.look(repository, reference)
        return "" if answer.status == HTTPStatus.NOT_FOUND else answer.expect(HTTPStatus.OK).headers["Docker-Content-Digest"]

    def tags(self, repository: str) -> list[str]:
        """Return the tags of a repository, as the registry lists them."""
        answer = self.ask("GET", f"/v2/{repository}/tags/list")
        return (
            [] if answer.status == HTTPStatus.NOT_FOUND else sorted(json.loads(answer.expect(HTTPStatus.OK).body)["tags"] or [])
        )

    def wrong(self, repository: str, reference: str, digest: str, shapes: Mapping[str, Shape]) -> list[str]:
        """Pull an image; return what is not as its digest says."""
        answer = self.ask("GET", f"/v2/{repository}/manifests/{reference}", headers={"Accept": ANY_MANIFEST})
        shape = shapes.get(digest, Shape())
        found = [_wrong(answer, digest), *(_wrong(self.ask("GET", f"/v2/{repository}/blobs/{one}"), one) for one in shape.blobs)]
        wrong = [f"{repository}: {reference}: {one}" for one in found if one]
        for child in shape.children:
            wrong += self.wrong(repository, child, child, shapes) if child in shapes else []
        return wrong


def _failed(answer: Answer) -> Answer | None:
    return None if answer.status in {HTTPStatus.OK, HTTPStatus.CREATED} else answer


def _wrong(answer: Answer, digest: str) -> str:
    if answer.status != HTTPStatus.OK:
        return f"{answer.asked} was answered {answer}, not {digest}"
    algorithm, _, expected = digest.partition(":")
    found = hashlib.new(algorithm, answer.body).hexdigest()
    return "" if found == expected else f"{answer.asked} has the digest {algorithm}:{found}, not {digest}"
