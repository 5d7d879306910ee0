"""A registry in this process that can be odd in every way: serve it with `scripted_server`.

registry = FakeRegistry()
with scripted_server(otherwise=registry) as server:
    ...
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from urllib.parse import parse_qs, urlsplit

from desync_jobs.stores.oci.layout import MANIFEST_TYPE, digest_of
from tests.servers.scripted import Received, Reply

_MISSING = Reply(404, b'{"errors":[{"code":"NAME_UNKNOWN"}]}')


def _nothing(_: Received) -> Reply | None:
    return None


@dataclass
class FakeRegistry:
    """One repository, whatever it is called. `first` may answer instead, to any request."""

    first: Callable[[Received], Reply | None] = _nothing
    blobs: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, bytes] = field(default_factory=dict)
    """Manifests by tag."""
    page: int = 1000
    """The most tags in one page."""
    location: str = ""
    """Where content is sent; empty for here, relative to this server."""
    _lock: Lock = field(default_factory=Lock)

    def __call__(self, request: Received) -> Reply:
        reply = self.first(request)
        if reply is not None:
            return reply
        parts = urlsplit(request.target)
        what, _, reference = parts.path.rpartition("/")
        kind = what.rpartition("/")[2]
        with self._lock:
            if parts.path.endswith("/tags/list"):
                return self._list(parse_qs(parts.query))
            if kind == "manifests":
                return self._manifest(request, reference)
            if kind == "uploads":
                return self._upload(request, parse_qs(parts.query))
            content = self.blobs.get(reference)
            return _MISSING if content is None else Reply(body=content)

    def add(self, tag: str, content: bytes, manifest: bytes) -> None:
        self.blobs[digest_of(content)] = content
        self.tags[tag] = manifest

    def _manifest(self, request: Received, reference: str) -> Reply:
        if request.method == "PUT":
            self.tags[reference] = request.body
            return Reply(201)
        if request.method == "DELETE":
            found = [tag for tag, one in self.tags.items() if digest_of(one) == reference]
            for tag in found:
                del self.tags[tag]
            return Reply(202) if found else _MISSING
        manifest = self.tags.get(reference)
        headers = {"Content-Type": MANIFEST_TYPE}
        return _MISSING if manifest is None else Reply(body=manifest, headers=headers)

    def _upload(self, request: Received, query: dict[str, list[str]]) -> Reply:
        if request.method == "POST":
            path = urlsplit(request.target).path
            return Reply(202, headers={"Location": self.location or f"{path}1?state=x"})
        (digest,) = query["digest"]
        if digest != digest_of(request.body):
            return Reply(400, b'{"errors":[{"code":"DIGEST_INVALID"}]}')
        self.blobs[digest] = request.body
        return Reply(201)

    def _list(self, query: dict[str, list[str]]) -> Reply:
        last = query.get("last", [""])[0]
        after = [tag for tag in sorted(self.tags) if tag > last]
        shown = after[: self.page]
        headers = {}
        if len(after) > self.page:
            headers["Link"] = f'</v2/any/tags/list?n={self.page}&last={shown[-1]}>; rel="next"'
        return Reply(body=json.dumps({"name": "any", "tags": shown}).encode(), headers=headers)
