"""A place of objects in a world."""

from collections.abc import Iterator, Sequence

from desync_jobs.errors import StoreError
from desync_jobs.manifest.capability import Capability
from desync_jobs.stores.objects.base import ObjectEntry, TooLarge, Traffic
from desync_jobs.stores.policy.values import Stopper
from tests.simulation.actors import Actor, current
from tests.simulation.world import EPOCH


class SimulatedPlace:
    """An `ObjectPlace` of the world, as the process of one actor reaches it."""

    capabilities = frozenset(Capability)

    def __init__(self, actor: Actor, name: str, stopper: Stopper) -> None:
        self.name = name
        self._world = actor.world
        self._stopper = stopper

    def get(self, names: Sequence[str], limit: int) -> list[bytes | TooLarge | None]:
        found = self._contents(names)
        blind = current().process.blind
        if blind and any(self._key(name).endswith(blind) for name in names):
            raise StoreError(f"store {self.name}: access was denied")
        return [one if one is None or len(one) <= limit else TooLarge(len(one)) for one in found]

    def sizes(self, names: Sequence[str]) -> list[int | None]:
        return [None if one is None else len(one) for one in self._contents(names)]

    def _contents(self, names: Sequence[str]) -> list[bytes | None]:
        self._send()
        found = [self._world.content(self._key(name)) for name in names]
        current().rest()
        return found

    def put(self, objects: Sequence[tuple[str, bytes]], content_type: str) -> None:
        del content_type
        for name, data in objects:
            self._send()
            self._world.set(current(), self._key(name), data)
        current().done(self.name)

    def create(self, name: str, data: bytes, content_type: str) -> bool:
        del content_type
        # Where everybody may overwrite, it takes the place of what others have acted on already.
        self._send(late=current().process.dawdling)
        made = not self._world.exclusive or self._world.content(self._key(name)) is None
        if made:
            self._world.set(current(), self._key(name), data)
        current().done(self.name, times=5)
        return made

    def delete(self, names: Sequence[str]) -> None:
        for name in names:
            self._send()
            if self._world.content(self._key(name)) is not None:
                self._world.set(current(), self._key(name), None)
        current().done(self.name, times=3)

    def entries(self, prefix: str) -> Iterator[ObjectEntry]:
        self._send()
        begin = self._key("")
        for key, version in list(self._world.listed(self._key(prefix))):
            yield ObjectEntry(key[len(begin) :], len(version.data or b""), EPOCH + version.since)
        current().rest()

    def _send(self, *, late: bool = False) -> None:
        guarded = current().process.guarded.get(current())
        self._stopper.check()
        if guarded is not None:  # a request asks the same thing, and takes no time for it
            current().process.guarded[current()] = guarded
        current().send(self.name, late=late)

    def traffic(self) -> Traffic:
        return Traffic()

    def _key(self, name: str) -> str:
        return f"{self.name}/{name}"
