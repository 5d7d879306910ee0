"""Objects behind a web server: GET and HEAD to read, PUT and DELETE to write, MKCOL for WebDAV.

A name is appended to the path of the base URL, whose query and fragment are dropped, as casync
and desync do. There is no listing in HTTP.
"""

import posixpath
from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Final
from urllib.parse import quote, urlsplit

from desync_jobs.errors import StoreError
from desync_jobs.manifest.capability import Capability
from desync_jobs.stores.http.answers import read_answer
from desync_jobs.stores.http.client import HttpClient, shown_url
from desync_jobs.stores.http.failures import status_failure
from desync_jobs.stores.http.messages import Request, Response
from desync_jobs.stores.objects.base import ObjectEntry, TooLarge, Traffic
from desync_jobs.stores.policy.retry import Failure, Fault

_FOUND: Final = 200
_MISSING: Final = 404
_WRITTEN: Final = (200, 201, 204)
_REMOVED: Final = (200, 202, 204, 404)
_CREATED: Final = 201
_CONFLICT: Final = 409
_NO_PARENT: Final = (404, 409, 500)
"""What servers answer to a PUT where the directory does not exist: 500 is nginx."""
_KEPT_IN_PATH: Final = "/%:@!$&'()*+,;=~"
"""Left as they stand in the base URL, which is quoted already where that matters."""


class HttpPlace:
    """An `ObjectPlace` at a URL.

    Where a PUT fails for want of a directory, it is made by MKCOL and the PUT sent again; once
    that was needed, directories are made first. A server that makes them itself
    (`create_full_put_path` of nginx) is asked nothing more.
    """

    capabilities = frozenset(
        {Capability.READ, Capability.PRESENCE, Capability.WRITE, Capability.DELETE}
    )

    def __init__(self, name: str, url: str, client: HttpClient) -> None:
        self.name = name
        parts = urlsplit(url)
        path = quote(parts.path, safe=_KEPT_IN_PATH).rstrip("/")
        self._client = client
        self._root = f"{parts.scheme}://{parts.netloc}"
        self._base = f"{self._root}{path}/"
        self._lock = Lock()
        self._made: set[str] = set()
        self._makes_parents = False

    def look_up_secrets(self) -> None:
        """Look up the header lines that are secrets, for one who may not find them later."""
        self._client.options.credentials.current()

    def get(self, names: Sequence[str], limit: int) -> list[bytes | TooLarge | None]:
        requests = [Request("GET", self._url(name), limit=limit) for name in names]
        return self._client.exchange("read", requests, read_answer)

    def sizes(self, names: Sequence[str]) -> list[int | None]:
        requests = [Request("HEAD", self._url(name)) for name in names]
        return self._client.exchange("look for", requests, _size)

    def put(self, objects: Sequence[tuple[str, bytes]], content_type: str) -> None:
        headers = (f"Content-Type: {content_type}",)
        requests = [Request("PUT", self._url(name), headers, data) for name, data in objects]
        if self._makes_parents:
            self._make_parents(requests)

        def first(position: int, response: Response) -> bool | Failure:
            unknown = _parent(requests[position].url) not in self._made
            if response.status in _NO_PARENT and unknown:
                return False
            return _written(position, response)

        written = self._client.exchange("write", requests, first)
        refused = [request for request, whole in zip(requests, written, strict=True) if not whole]
        if refused:
            # Where nothing was missing but a directory, the second attempt is a first one.
            made = self._make_parents(refused)
            self._makes_parents = self._makes_parents or made
            self._client.exchange("write", refused, _written, 1 if made else 2)

    def delete(self, names: Sequence[str]) -> None:
        requests = [Request("DELETE", self._url(name)) for name in names]
        self._client.exchange("remove", requests, _removed)

    def entries(self, prefix: str) -> Iterator[ObjectEntry]:
        del prefix
        raise StoreError(f"store {self.name}: {shown_url(self._base)} cannot be listed over HTTP")

    def traffic(self) -> Traffic:
        return self._client.traffic()

    def _url(self, name: str) -> str:
        return self._base + quote(name)

    def _make_parents(self, requests: Sequence[Request]) -> bool:
        """Make the directories of some URLs, as far as they are not known; tell if any was new."""
        parents = {_parent(request.url) for request in requests}
        return self._make_collections(sorted(parents - self._made))

    def _make_collections(self, urls: Sequence[str]) -> bool:
        requests = [Request("MKCOL", url) for url in urls]
        statuses = self._client.exchange("create", requests, _status)
        orphans = [url for url, status in zip(urls, statuses, strict=True) if status == _CONFLICT]
        above = sorted({_parent(url) for url in orphans} - {f"{self._root}/"} - self._made)
        made = any(status == _CREATED for status in statuses)
        if above and self._make_collections(above):
            made = self._make_collections(orphans) or made
        with self._lock:
            self._made.update(urls)
        return made


def _parent(url: str) -> str:
    return posixpath.dirname(url.rstrip("/")) + "/"


def _size(_: int, response: Response) -> int | Failure | None:
    if response.status == _FOUND:
        return -1 if response.length is None else response.length
    return None if response.status == _MISSING else status_failure(response)


def _written(_: int, response: Response) -> bool | Failure:
    return True if response.status in _WRITTEN else status_failure(response)


def _removed(_: int, response: Response) -> bool | Failure:
    return True if response.status in _REMOVED else status_failure(response)


def _status(_: int, response: Response) -> int | Failure:
    """Take any status but those that may be another the next time."""
    failure = status_failure(response)
    return failure if failure.fault is not Fault.PERMANENT else response.status
