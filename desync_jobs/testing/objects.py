"""A place of objects that keeps them in memory, and does wrong where told."""

from collections.abc import Iterator, Sequence
from threading import Lock
from typing import TypeAlias

from desync_jobs.errors import StoreError
from desync_jobs.stores.objects.base import Capability, ObjectEntry, TooLarge, Traffic

Call: TypeAlias = tuple[str, tuple[str, ...]]
"""The verb and the names it was about."""


class MemoryPlace:
    """An `ObjectPlace` of the dictionary `objects`.

    `wrong` are contents that are given instead, each once, by name; while `broken` is set, every
    call raises it. `calls` is what was asked so far, in order.
    """

    def __init__(
        self,
        objects: dict[str, bytes] | None = None,
        capabilities: frozenset[Capability] = frozenset(Capability),
    ) -> None:
        self.name = "memory"
        self.capabilities = capabilities
        self.objects = {} if objects is None else objects
        self.wrong: dict[str, list[bytes]] = {}
        self.calls: list[Call] = []
        self.broken: StoreError | None = None
        self.tells_sizes = True
        self._lock = Lock()

    def get(self, names: Sequence[str], limit: int) -> list[bytes | TooLarge | None]:
        self._enter("get", names)
        return [self._get(name, limit) for name in names]

    def sizes(self, names: Sequence[str]) -> list[int | None]:
        self._enter("sizes", names)
        return [self._size(name) for name in names]

    def put(self, objects: Sequence[tuple[str, bytes]], content_type: str) -> None:
        del content_type
        self._enter("put", [name for name, _ in objects])
        with self._lock:
            self.objects.update(objects)

    def create(self, name: str, data: bytes, content_type: str) -> bool:
        del content_type
        self._enter("create", [name])
        with self._lock:
            new = name not in self.objects
            self.objects.setdefault(name, data)
            return new

    def delete(self, names: Sequence[str]) -> None:
        self._enter("delete", names)
        with self._lock:
            for name in names:
                self.objects.pop(name, None)

    def entries(self, prefix: str) -> Iterator[ObjectEntry]:
        self._enter("entries", [prefix])
        with self._lock:
            found = [(name, data) for name, data in self.objects.items() if name.startswith(prefix)]
        for name, data in found:
            yield ObjectEntry(name, len(data))

    def traffic(self) -> Traffic:
        return Traffic(sum(len(names) for _, names in self.calls))

    def _enter(self, verb: str, names: Sequence[str]) -> None:
        if self.broken is not None:
            raise self.broken
        if names:
            with self._lock:
                self.calls.append((verb, tuple(names)))

    def _get(self, name: str, limit: int) -> bytes | TooLarge | None:
        with self._lock:
            wrong = self.wrong.get(name)
            data = wrong.pop(0) if wrong else self.objects.get(name)
        return data if data is None or len(data) <= limit else TooLarge(len(data))

    def _size(self, name: str) -> int | None:
        data = self.objects.get(name)
        if data is None:
            return None
        return len(data) if self.tells_sizes else -1
