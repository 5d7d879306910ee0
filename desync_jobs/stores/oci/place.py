"""Objects in one repository of a registry, each an artifact under a tag of its name.

What is asked for takes two requests, one for the manifest and one for the blob; a batch first sends
all of the one kind and then all of the other, with as many in flight as the policy allows. Its size
is in the manifest. Artifacts of other types are not there, and are left alone.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Final
from urllib.parse import quote

from desync_jobs.errors import StoreError
from desync_jobs.manifest.capability import Capability
from desync_jobs.stores.http.answers import read_answer
from desync_jobs.stores.http.client import HttpClient
from desync_jobs.stores.http.failures import status_failure
from desync_jobs.stores.http.messages import Request, Response
from desync_jobs.stores.layout import parse_chunk_name
from desync_jobs.stores.objects.base import ObjectEntry, TooLarge, Traffic, Unusable
from desync_jobs.stores.oci.addresses import address_from, origin_of
from desync_jobs.stores.oci.layout import (
    EMPTY_CONFIG,
    MANIFEST_SIZE_LIMIT,
    MANIFEST_TYPE,
    Artifact,
    digest_of,
    read_manifest,
    tag_of,
    write_manifest,
)
from desync_jobs.stores.oci.links import next_page
from desync_jobs.stores.oci.uploads import Uploads
from desync_jobs.stores.policy.retry import Failure, Fault

_FOUND: Final = 200
_CREATED: Final = (200, 201)
_REMOVED: Final = (200, 202, 204, 404)
_UNAUTHORIZED: Final = 401
_MISSING: Final = 404
_NOT_ALLOWED: Final = 405
_PAGE: Final = 1000
_PAGE_LIMIT: Final = 64 << 20
"""Bytes; some registries send all tags in one page, about 75 bytes for each."""
_TYPES: Final = (
    MANIFEST_TYPE,
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
"""Foreign types too, which some registries would convert for those who do not know them."""
_READ_MANIFEST: Final = (f"Accept: {', '.join(_TYPES)}",)
_WRITE_MANIFEST: Final = (f"Content-Type: {MANIFEST_TYPE}",)


@dataclass(frozen=True, slots=True)
class _Page:
    """One page of a list of tags."""

    tags: list[str]
    link: str
    """The header that says where the next one is; empty on the last."""


class OciPlace:
    """An `ObjectPlace` in the repository at the URL `repository` of the distribution API.

    `client` shows the registry who we are, `stranger` shows nothing to anybody else.
    """

    capabilities = frozenset(Capability) - {Capability.CREATE}

    def __init__(
        self, name: str, repository: str, client: HttpClient, stranger: HttpClient
    ) -> None:
        self.name = name
        self._repository = repository
        self._client = client
        self._clients = (client, stranger)
        self._uploads = Uploads(client, stranger, repository, _refusal)
        self._config = Lock()
        self._has_config = False

    def get(self, names: Sequence[str], limit: int) -> list[bytes | TooLarge | Unusable | None]:
        artifacts = self._artifacts("read", names)
        answers = [_without_blob(one, limit) for one in artifacts]
        wanted = [
            (at, one.blob)
            for at, (one, answer) in enumerate(zip(artifacts, answers, strict=True))
            if one is not None and answer is None
        ]
        requests = [self._request("GET", f"blobs/{blob}", limit=limit) for _, blob in wanted]
        contents = self._client.exchange("read", requests, read_answer)
        for (at, _), content in zip(wanted, contents, strict=True):
            answers[at] = content
        return answers

    def sizes(self, names: Sequence[str]) -> list[int | None]:
        # What is unusable has the size 0, and so is written anew by those who want to keep it.
        found: list[int | None] = []
        for first in range(0, len(names), _PAGE):  # there may be many names
            artifacts = self._artifacts("look for", names[first : first + _PAGE])
            found += [None if one is None else one.size for one in artifacts]
        return found

    def put(self, objects: Sequence[tuple[str, bytes]], content_type: str) -> None:
        del content_type  # the layout says what it is
        if not objects:
            return
        self._send_config()
        described = [(tag_of(name), digest_of(data), data) for name, data in objects]
        self._uploads.send({digest: data for _, digest, data in described})
        requests = [
            Request(
                "PUT",
                self._manifest(tag),
                _WRITE_MANIFEST,
                write_manifest(tag, digest, len(data)),
                keep_headers=True,
            )
            for tag, digest, data in described
        ]
        self._client.exchange("write", requests, _written)

    def delete(self, names: Sequence[str]) -> None:
        artifacts = self._artifacts("look for", names)
        digests = dict.fromkeys(one.digest for one in artifacts if one is not None)
        requests = [
            Request("DELETE", self._manifest(digest), keep_headers=True) for digest in digests
        ]
        self._client.exchange("remove", requests, _removed)

    def entries(self, prefix: str) -> Iterator[ObjectEntry]:
        """List the chunks whose names begin with `prefix`; each costs the request for its size."""
        for tags in self._tags():
            parsed = [f"{tag[:4]}/{tag}" for tag in tags]
            names = [name for name in parsed if name.startswith(prefix) and parse_chunk_name(name)]
            for first in range(0, len(names), _PAGE):
                some = names[first : first + _PAGE]
                artifacts = self._artifacts("look for", some)
                for name, artifact in zip(some, artifacts, strict=True):
                    if artifact is not None:
                        yield ObjectEntry(name, artifact.size)

    def traffic(self) -> Traffic:
        parts = [client.traffic() for client in self._clients]
        return Traffic(
            sum(one.requests for one in parts),
            sum(one.retries for one in parts),
            sum(one.seconds for one in parts),
        )

    def _artifacts(self, doing: str, names: Sequence[str]) -> list[Artifact | None]:
        requests = [
            Request(
                "GET",
                self._manifest(tag_of(name)),
                _READ_MANIFEST,
                limit=MANIFEST_SIZE_LIMIT,
                keep_headers=True,
            )
            for name in names
        ]
        return self._client.exchange(doing, requests, _artifact)

    def _tags(self) -> Iterator[list[str]]:
        url = f"{self._repository}/tags/list?n={_PAGE}"
        while True:
            request = Request("GET", url, limit=_PAGE_LIMIT, keep_headers=True)
            (page,) = self._client.exchange("list the tags at", [request], _page)
            yield page.tags
            link = next_page(page.link)
            if link is None:
                return
            following = address_from(url, link)
            if following is None or following == url or origin_of(following) != origin_of(url):
                raise StoreError(
                    f"store {self.name}: the list of tags goes on at {link!a}, which is not "
                    "a further page of this registry"
                )
            url = following

    def _send_config(self) -> None:
        """Have the registry keep what every manifest names, once."""
        with self._config:
            if not self._has_config:
                self._uploads.send({digest_of(EMPTY_CONFIG): EMPTY_CONFIG})
                self._has_config = True

    def _manifest(self, reference: str) -> str:
        return f"{self._repository}/manifests/{quote(reference, safe=':')}"

    def _request(self, method: str, path: str, limit: int) -> Request:
        return Request(method, f"{self._repository}/{path}", limit=limit, keep_headers=True)


def _without_blob(artifact: Artifact | None, limit: int) -> bytes | TooLarge | Unusable | None:
    """Return the answer for an object whose blob is not worth asking for; None for others."""
    if artifact is None:
        return None
    if artifact.problem:
        return Unusable(artifact.problem)
    return TooLarge(artifact.size) if artifact.size > limit else None


def _refusal(response: Response) -> Failure:
    """Return what a status means that is not the answer, with what to do about it."""
    failure = status_failure(response)
    hint = ""
    if response.status == _UNAUTHORIZED:
        hint = "; give credentials, or log in with docker"
    if response.status == _NOT_ALLOWED:
        hint = "; the registry may have to be told that deleting is allowed"
    return Failure(failure.message + hint, failure.fault, failure.retry_after)


def _artifact(_: int, response: Response) -> Artifact | Failure | None:
    if response.status == _FOUND:
        return None if response.cut else read_manifest(response.body)
    return None if response.status == _MISSING else _refusal(response)


def _written(_: int, response: Response) -> bool | Failure:
    return True if response.status in _CREATED else _refusal(response)


def _removed(_: int, response: Response) -> bool | Failure:
    return True if response.status in _REMOVED else _refusal(response)


def _page(_: int, response: Response) -> _Page | Failure:
    if response.status == _MISSING:  # nobody has written to the repository yet
        return _Page([], "")
    if response.status != _FOUND:
        return _refusal(response)
    if response.cut:
        return Failure(f"the list has more than {_PAGE_LIMIT} bytes", Fault.PERMANENT)
    try:
        tags = json.loads(response.body)["tags"] or []
    except (ValueError, RecursionError, TypeError, KeyError):
        return Failure("the answer is not a list of tags", Fault.PERMANENT)
    if not isinstance(tags, list):
        return Failure("the answer is not a list of tags", Fault.PERMANENT)
    known = [tag for tag in tags if isinstance(tag, str)]
    return _Page(known, response.headers.get("link", ""))
