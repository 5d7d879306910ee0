"""The contract of chunk stores in places of objects that can do everything."""

from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest

from desync_jobs.errors import InvalidDataError, LockedError
from desync_jobs.manifest.capability import Capability
from desync_jobs.stores.base import Chunk, ChunkStore
from desync_jobs.stores.forms import ChunkForms
from desync_jobs.stores.leases.ledgered import Clock, LedgeredLease
from desync_jobs.stores.leases.log import LedgerLog
from desync_jobs.stores.leases.role import Role
from desync_jobs.stores.objects.base import CreatingPlace, ObjectPlace, OrderedPlace
from desync_jobs.stores.objects.indexes import read_index_object, write_index_object
from desync_jobs.stores.policy.values import NeverStopped, Policy
from desync_jobs.testing.store_contract import StoreContract
from tests.servers.http_places import QUICK
from tests.servers.s3_places import remote_store

ODD_NAMES = ["a b/ü%41+.x", "x?y#z;&=", "'\"<>\\^`{|}~", "plain/*"]


class Hasty(NeverStopped):
    """A stopper that does not wait: one thread alone finds things as it left them."""

    def pause(self, seconds: float) -> None:
        del seconds


class RemoteContract(StoreContract):
    """Subclasses have a fixture `place`: a new one with nothing in it."""

    forms = ChunkForms()
    policy: Policy = QUICK
    exclusive = True
    """Whether the server heeds that an object is to be a new one."""

    @abstractmethod
    @pytest.fixture
    def place(self) -> ObjectPlace:
        """Return a new place."""

    @pytest.fixture
    def store(self, place: ObjectPlace) -> ChunkStore:
        self.opened = place
        return remote_store(place, self.forms, self.policy)

    def overwrite(self, store: ChunkStore, chunk: Chunk, data: bytes) -> None:
        del store
        self.opened.put([(self.forms.own.name(chunk.id), data)], "text/plain")

    @pytest.mark.parametrize("name", ODD_NAMES)
    def test_any_name_is_one_object(self, place: ObjectPlace, name: str) -> None:
        place.put([(name, b"content")], "text/plain")

        assert place.get([name], 100) == [b"content"]
        assert place.sizes([name, name + "+"]) == [7, None]
        assert [(entry.name, entry.size) for entry in place.entries("")] == [(name, 7)]
        place.delete([name, name])
        assert place.get([name], 100) == [None]
        assert list(place.entries("")) == []

    def test_an_object_is_created_only_where_none_of_its_name_is(self, place: ObjectPlace) -> None:
        creating = cast("CreatingPlace", place)

        assert Capability.CREATE in place.capabilities
        assert creating.create("new/object", b"first", "text/plain")
        assert creating.create("new/object", b"second", "text/plain") is not self.exclusive
        assert place.get(["new/object"], 10) == [b"first" if self.exclusive else b"second"]
        # Nothing else is left of the attempt that was refused.
        assert [entry.name for entry in place.entries("")] == ["new/object"]

    def test_of_many_that_create_an_object_one_succeeds(self, place: ObjectPlace) -> None:
        if not self.exclusive:
            pytest.skip("this server lets everybody overwrite")
        creating = cast("CreatingPlace", place)
        with ThreadPoolExecutor(8) as pool:
            made = list(
                pool.map(lambda one: creating.create("x", b"%d" % one, "text/plain"), range(8))
            )

        assert made.count(True) == 1
        assert place.get(["x"], 10) == [b"%d" % made.index(True)]

    def test_leases_are_kept_in_it(self, place: ObjectPlace) -> None:
        creating = cast("CreatingPlace", place)
        leases = [
            LedgeredLease("s", LedgerLog(creating, Hasty()), name, Clock())
            for name in ("first", "second", "third")
        ]
        told: list[str] = []
        for lease in leases[:2]:
            lease.take(Role.WRITER, 0, Hasty(), told.append)

        with pytest.raises(LockedError, match=r"in use by first \(writer\) and second \(writer\)"):
            leases[2].take(Role.COLLECTOR, 0, Hasty(), told.append)
        leases[0].renew()
        leases[0].publishes(["index"])
        leases[0].give_back()
        leases[1].give_back()
        leases[2].take(Role.COLLECTOR, 0, Hasty(), told.append)
        latest = LedgerLog(creating, Hasty()).latest()
        assert [one.owner for one in latest.leases] == ["third"]
        assert [one.url for one in latest.published] == ["index"]

    def test_objects_are_listed_by_the_beginning_of_their_names(self, place: ObjectPlace) -> None:
        names = ["ab/1", "ab/2", "abc/3", "b/4", "top"]
        place.put([(name, b"x") for name in names], "text/plain")

        assert {entry.name for entry in place.entries("")} == set(names)
        assert {entry.name for entry in place.entries("ab")} == {"ab/1", "ab/2", "abc/3"}
        assert {entry.name for entry in place.entries("ab/")} == {"ab/1", "ab/2"}
        assert {entry.name for entry in place.entries("t")} == {"top"}
        assert list(place.entries("no such/")) == []
        if isinstance(place, OrderedPlace):
            found = [entry.name for entry in place.entries_between("ab/1", "t")]
            assert found == ["ab/2", "abc/3", "b/4"]
            assert list(place.entries_between("u", "v")) == []

    def test_an_object_is_replaced_whole(self, place: ObjectPlace) -> None:
        place.put([("x", b"long content")], "text/plain")
        place.put([("x", b"short")], "text/plain")

        assert place.get(["x"], 5) == [b"short"]
        assert place.sizes(["x"]) == [5]

    def test_an_index_is_written_and_read_whole(self, place: ObjectPlace) -> None:
        data = bytes(range(256)) * 100
        write_index_object(place, "images/a b.caibx", data)

        assert read_index_object(place, "images/a b.caibx", len(data)) == data
        assert read_index_object(place, "images/none.caibx", 10) is None
        with pytest.raises(InvalidDataError, match="than the limit of 25599"):
            read_index_object(place, "images/a b.caibx", len(data) - 1)
