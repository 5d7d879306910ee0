"""Places on file systems of fsspec: Google Cloud Storage, and any other URL that it knows.

A file is written as its file system writes: an object store keeps objects whole, while one that
writes in place (WebDAV, FTP, SMB) leaves a part of a file behind when it is killed. Nothing is
renamed into place, since few of them rename and some copy to do it. Chunks are held against their
IDs whenever they are read, so such a part is found and written again.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from desync_jobs.errors import DesyncRunError
from desync_jobs.manifest.capability import Capability
from desync_jobs.stores.objects.base import ObjectEntry, TooLarge, Traffic
from desync_jobs.stores.objects.calls import Calls, Doing
from desync_jobs.stores.objects.fsspec_files import Files, Live, Step
from desync_jobs.stores.policy.hosts import Moved
from desync_jobs.stores.policy.retry import Failure, Fault, fault_of_status

S = TypeVar("S")
T = TypeVar("T")

_REFUSED = (401, 403)
_PERMANENT = (
    PermissionError,
    FileNotFoundError,
    NotADirectoryError,
    IsADirectoryError,
    NotImplementedError,
    TypeError,
    ValueError,
)
"""What file systems raise when the same again would fail again."""


class FsspecPlace:
    """An `ObjectPlace` of `Files`. `url` is what errors show before a name."""

    capabilities = frozenset(Capability)

    def __init__(self, name: str, url: str, live: Live, files: Files, calls: Calls) -> None:
        self.name = name
        self._url = url.rstrip("/")
        self._live = live
        self._files = files
        self._calls = calls

    def get(self, names: Sequence[str], limit: int) -> list[bytes | TooLarge | None]:
        def read(name: str, moved: Moved) -> bytes | TooLarge | None:
            data = self._files.read(name, limit)
            moved.size = len(data) if isinstance(data, bytes) else 0
            return data

        return self._each("read", read, names)

    def sizes(self, names: Sequence[str]) -> list[int | None]:
        return self._each("look for", lambda name, _: self._files.size(name), names)

    def put(self, objects: Sequence[tuple[str, bytes]], content_type: str) -> None:
        by_name = dict(objects)

        def write(name: str, moved: Moved) -> None:
            data = by_name[name]
            moved.size = len(data)
            self._files.write(name, data, content_type)

        self._each("write", write, list(by_name))

    def delete(self, names: Sequence[str]) -> None:
        self._each("remove", lambda name, _: self._files.remove(name), names)

    def entries(self, prefix: str) -> Iterator[ObjectEntry]:
        doing: Doing[Step, tuple[list[ObjectEntry], list[Step]]] = Doing(
            "list", self._renewing(lambda step, _: self._files.step(step)), lambda _: self._url
        )
        steps = [self._files.first_step(prefix)]
        while steps:
            ((found, more),) = self._calls.each(doing, [steps.pop()])
            steps.extend(more)
            for entry in found:
                if entry.name.startswith(prefix):
                    yield entry

    def traffic(self) -> Traffic:
        return self._calls.traffic()

    def _each(self, verb: str, call: Callable[[str, Moved], T], names: Sequence[str]) -> list[T]:
        doing = Doing(verb, self._renewing(call), lambda name: f"{self._url}/{name}")
        return self._calls.each(doing, names)

    def _renewing(self, call: Callable[[T, Moved], S]) -> Callable[[T, Moved], S]:
        """Return `call`, made once more where it was refused and there are other secrets now."""

        def once(wanted: T, moved: Moved) -> S:
            try:
                return call(wanted, moved)
            except Exception as error:
                if not _is_refused(error) or not self._live.renew():
                    raise
            self._calls.count(requests=1, retries=1)
            return call(wanted, moved)

        return once


def failure_of(error: Exception) -> Failure:
    """Return what an exception of a file system is for the policy; raises what is none of its."""
    if isinstance(error, DesyncRunError):
        raise error
    if isinstance(error, asyncio.TimeoutError):
        return Failure("no answer in time", Fault.OVERLOAD)
    text = (str(error).strip() or type(error).__name__).partition("\n")[0]
    status = _status(error)
    if status is not None:
        retry_after = getattr(error, "retry_after", None)
        return Failure(text, fault_of_status(status), retry_after)
    return Failure(text, Fault.PERMANENT if isinstance(error, _PERMANENT) else Fault.TRANSIENT)


def _is_refused(error: Exception) -> bool:
    return isinstance(error, PermissionError) or _status(error) in _REFUSED


def _status(error: Exception) -> int | None:
    """Return the HTTP status that an exception has under one of the usual names."""
    for key in ("status", "code", "status_code"):
        value = getattr(error, key, None)
        if isinstance(value, int):
            return value
    return None
