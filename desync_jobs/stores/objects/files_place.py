"""A place of objects over anything that reads and writes one file at a time."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from desync_jobs.manifest.capability import Capability
from desync_jobs.stores.objects.base import ObjectEntry, TooLarge, Traffic
from desync_jobs.stores.objects.calls import Calls, Doing
from desync_jobs.stores.objects.files import Files, Step
from desync_jobs.stores.policy.hosts import Moved
from desync_jobs.stores.policy.limits import Bodies

S = TypeVar("S")
T = TypeVar("T")


class FilesPlace:
    """An `ObjectPlace` of `Files`.

    `url` is what errors show before a name. `renew` tells of an exception whether it was a refusal
    and the files are asked otherwise now, with other secrets.
    """

    capabilities = frozenset(Capability)

    def __init__(
        self, name: str, url: str, files: Files, calls: Calls, renew: Callable[[Exception], bool]
    ) -> None:
        self.name = name
        self._url = url.rstrip("/")
        self._files = files
        self._calls = calls
        self._renew = renew

    def get(self, names: Sequence[str], limit: int) -> list[bytes | TooLarge | None]:
        def read(name: str, moved: Moved) -> bytes | TooLarge | None:
            data = self._files.read(name, limit)
            moved.size = len(data) if isinstance(data, bytes) else 0
            return data

        return self._each("read", read, names, lambda _: Bodies(most=limit))

    def sizes(self, names: Sequence[str]) -> list[int | None]:
        return self._each("look for", lambda name, _: self._files.size(name), names)

    def put(self, objects: Sequence[tuple[str, bytes]], content_type: str) -> None:
        by_name = dict(objects)

        def write(name: str, moved: Moved) -> None:
            data = by_name[name]
            moved.size = len(data)
            self._files.write(name, data, content_type)

        self._each("write", write, list(by_name), lambda name: Bodies(len(by_name[name])))

    def create(self, name: str, data: bytes, content_type: str) -> bool:
        def write(name: str, moved: Moved) -> bool:
            moved.size = len(data)
            return self._files.create(name, data, content_type)

        return self._each("create", write, [name], lambda _: Bodies(len(data)))[0]

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

    def _each(
        self,
        verb: str,
        call: Callable[[str, Moved], T],
        names: Sequence[str],
        bodies: Callable[[str], Bodies] = lambda _: Bodies(),
    ) -> list[T]:
        doing = Doing(verb, self._renewing(call), lambda name: f"{self._url}/{name}", bodies)
        return self._calls.each(doing, names)

    def _renewing(self, call: Callable[[T, Moved], S]) -> Callable[[T, Moved], S]:
        """Return `call`, made once more where it was refused and there are other secrets now."""

        def once(wanted: T, moved: Moved) -> S:
            try:
                return call(wanted, moved)
            except Exception as error:
                if not self._renew(error):
                    raise
            self._calls.count(requests=1, retries=1)
            return call(wanted, moved)

        return once
