"""What must hold in a world whenever an object has become something else."""

import json
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Any, Final

import numpy as np

from desync_jobs.errors import LockedError
from desync_jobs.execute.quarantine import QUARANTINE, stamp_of
from desync_jobs.execute.stock import MARKS
from desync_jobs.formats.index import parse_index
from desync_jobs.formats.marks import mark_keys, parse_marks
from desync_jobs.stores.leases.ledger import SKEW
from desync_jobs.stores.leases.ledgered import LedgeredLease
from desync_jobs.stores.leases.log import OWN
from desync_jobs.stores.leases.role import Role
from desync_jobs.stores.policy.values import Stopper
from tests.simulation.actors import Actor, Process, current
from tests.simulation.world import EPOCH, NEVER, World

ALIAS: Final = "latest.caibx"
HEAD: Final = "head.json"


class WatchedLease(LedgeredLease):
    """A lease of which the world knows."""

    def __init__(self, store: str, *more: Any) -> None:
        super().__init__(store, *more)
        self.store = store
        self.process: Process = current().process

    def take(self, role: Role, wait: float, stopper: Stopper, tell: Callable[[str], None]) -> None:
        super().take(role, wait, stopper, tell)
        if self.counted_on:  # it may be over before anybody was told that he has it
            self.process.world.leases.append(self)

    def check(self) -> None:
        super().check()
        current().guard()

    @property
    def counted_on(self) -> bool:
        """Whether its owner would act on it now; not once it was given back."""
        if self.process.dead or self.process.stopped:
            return False
        try:
            super().check()
        except LockedError:
            return False
        return True


class Watch:
    """Told of every change, and looks at what it may have broken."""

    def __init__(
        self,
        world: World,
        suffixes: Mapping[str, str],
        indexes: Mapping[str, str],
        mirrors: Mapping[str, str],
    ) -> None:
        self._world = world
        self._suffixes = suffixes
        self._indexes = indexes
        self._mirrors = mirrors
        self._needs: dict[str, frozenset[str]] = {}
        """The chunk files that each index which is there needs."""

    def changed(self, actor: Actor, key: str) -> None:
        """Look at an object that `actor` has changed."""
        place, _, name = key.partition("/")
        if name.startswith(QUARANTINE):
            self._aside(actor, key)
        if name.startswith(OWN):
            return
        if place in self._suffixes:
            if self._world.content(key) is None:
                self._chunk_removed(actor, place, key)
        elif name in (ALIAS, HEAD):
            self._named(place, name)
            self.alone(actor, self._indexes[place], Role.WRITER)
        if place in self._indexes and name.endswith(".caibx"):
            self._index_changed(actor, place, key)

    def whole(self) -> None:
        """Check that every index that is there has all its chunks."""
        for key in self._needs:
            self._has_all(key)

    def _has_all(self, key: str) -> None:
        for chunk in self._needs[key]:
            there = self._world.content(chunk) is not None
            assert there, f"{key} lacks {chunk} at {self._world.now}"

    def _chunk_removed(self, actor: Actor, store: str, key: str) -> None:
        for index, needs in self._needs.items():
            assert key not in needs, f"{index} lacks {key} at {self._world.now}"
        self.alone(actor, store, Role.COLLECTOR)
        self._kept_aside(actor, key)
        grace = actor.process.grace
        if grace:
            self._old_enough(store, key, grace)

    def _old_enough(self, store: str, key: str, grace: float) -> None:
        """Check that a chunk was garbage for long, as far as a listing can tell."""
        history, last = self._world.objects[key], self._world.now - grace + SKEW
        if len(history) == 2:
            assert history[0].since <= last, f"{key} is gone that was new"
        chunk_id = bytes.fromhex(key.rpartition("/")[2].partition(".")[0])
        row = np.frombuffer(chunk_id, np.uint8).reshape(1, -1)
        compressed = np.array([bool(self._suffixes[store])])
        (wanted,) = mark_keys(row, compressed).tolist()
        assert any(
            since <= EPOCH + last
            for marks in self._world.objects.get(f"{store}/{MARKS}", ())
            if marks.data is not None
            for mark, since in zip(
                *map(np.ndarray.tolist, parse_marks(marks.data, key)), strict=True
            )
            if mark == wanted
        ), f"{key} is gone that was not marked for long"

    def _index_changed(self, actor: Actor, place: str, key: str) -> None:
        data = self._world.content(key)
        store, role = self._indexes[place], Role.WRITER
        history = self._world.objects[key]
        if data is None:
            self._needs.pop(key, None)
            role = next((one.role for one in self._held(actor.process, store)), role)
            if role is Role.COLLECTOR:
                self._kept_aside(actor, key)
            else:
                self._gone_there(actor, place, key)
        else:
            if actor.process.brings_back and len(history) > 1:
                before = history[-2]
                new = before.data is None or before.since >= actor.process.began
                assert new, f"{key} was replaced by what was in quarantine"
            index = parse_index(data, key)
            ids = {index.id(position).hex() for position in range(len(index))}
            suffix = self._suffixes[store]
            self._needs[key] = frozenset(f"{store}/{name[:4]}/{name}{suffix}" for name in ids)
            self._has_all(key)
        self.alone(actor, store, role)

    def _kept_aside(self, actor: Actor, key: str) -> None:
        """Check that what is removed is in quarantine, if it is to be."""
        if actor.process.quarantine is not None:
            data = self._world.objects[key][-2].data
            place, _, name = key.partition("/")
            assert any(
                one.startswith(f"{place}/{QUARANTINE}")
                and one.endswith(f"/{name}")
                and self._world.content(one) == data
                for one in self._world.objects
            ), f"{key} is gone, and not in quarantine"

    def _aside(self, actor: Actor, key: str) -> None:
        """Check that what goes from quarantine is back in its place, or was there for long."""
        place, _, name = key.partition("/")
        stamp, _, name = name.removeprefix(QUARANTINE).partition("/")
        length = actor.process.quarantine or 0.0
        if (
            self._world.content(key) is None
            and self._world.content(f"{place}/{name}") is None
            and not actor.process.brings_back
        ):
            last = stamp_of(EPOCH + self._world.now - length + SKEW) if length < NEVER else ""
            assert stamp <= last, f"{key} is gone for good too soon"

    def _gone_there(self, actor: Actor, place: str, key: str) -> None:
        """Check that a mirror removes nothing that the other place has."""
        if place in self._mirrors:
            there = self._world.objects[self._mirrors[place] + key[len(place) :]][-1]
            # It looks just before that, for each, unless it has stood still.
            looked = min(self._world.now - 250.0, actor.process.until or NEVER)
            gone = there.data is None or there.since > looked
            assert gone, f"{key} is gone, and still in {self._mirrors[place]}"

    def _held(self, process: Process, store: str) -> Iterator[WatchedLease]:
        for lease in self._world.leases:
            if lease.process is process and lease.store == store:
                yield lease

    def alone(self, actor: Actor, store: str, role: Role) -> None:
        """Check that nobody had a lease since `actor` did whom he must not meet in that role."""
        if not actor.process.leased:
            return
        begun = False
        for lease in self._world.leases:
            if lease.store == store and lease.process is actor.process:
                begun = True
            elif lease.store == store and Role.COLLECTOR in (role, lease.role):
                met = begun or lease.counted_on
                assert not met, f"a {role.value} of {store} meets a {lease.role.value}"
        assert begun, f"a {role.value} without a lease"

    def _named(self, place: str, name: str) -> None:
        """Check that what is current was there before it became so."""
        data = self._world.content(f"{place}/{name}")
        if data is None:
            return
        there = {
            (key.removeprefix(f"{place}/"), sha256(one.data).hexdigest())
            for key, history in self._world.objects.items()
            for one in history
            if key.startswith(f"{place}/") and one.data is not None
        } - {(ALIAS, sha256(data).hexdigest())}
        if name == ALIAS:
            assert sha256(data).hexdigest() in {digest for _, digest in there}, name
            return
        for one in json.loads(data)["indexes"]:
            assert (one["name"], one["sha256"]) in there, f"{name} names {one['name']}"
