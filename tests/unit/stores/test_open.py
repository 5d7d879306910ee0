import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.errors import ChunkInvalidError, ChunkMissingError, StoreError, UsageError
from desync_jobs.manifest.capability import Capability
from desync_jobs.manifest.load import job_from_document
from desync_jobs.manifest.locations import Kind, parse_location
from desync_jobs.stores.base import Chunk
from desync_jobs.stores.cached import CachedStore
from desync_jobs.stores.casync_ssh.store import CasyncSshStore
from desync_jobs.stores.drivers import OBJECT_DRIVERS
from desync_jobs.stores.endpoint import Endpoint
from desync_jobs.stores.failover import FailoverGroup
from desync_jobs.stores.hedge import HedgedSource
from desync_jobs.stores.local import LocalStore
from desync_jobs.stores.objects.base import ObjectPlace, TooLarge
from desync_jobs.stores.open import (
    Surroundings,
    capabilities,
    open_behind_cache,
    open_objects,
    open_source,
    open_store,
)
from desync_jobs.stores.reader import Reader
from desync_jobs.stores.router import StoreRouter
from desync_jobs.testing.chunks import make_chunk, make_chunks
from desync_jobs.testing.objects import MemoryPlace

CHUNK = make_chunk(bytes(1000))
Around = Callable[..., Surroundings]


@pytest.fixture
def noticed() -> list[str]:
    return []


@pytest.fixture
def around(reader: Reader, tmp_path: Path, noticed: list[str]) -> Around:
    """Return the surroundings of a job in `tmp_path/job` with these tables."""

    def surroundings(**tables: object) -> Surroundings:
        operations = {"a": {"kind": "digest", "blob": "b"}}
        document = {"version": 1, **tables, "operations": operations}
        job = job_from_document(document, str(tmp_path / "job"), "job.toml")
        return Surroundings(job, reader, Cancel(), noticed.append)

    (tmp_path / "job").mkdir()
    return surroundings


@pytest.mark.parametrize("compression", ["zstd", "none"])
@pytest.mark.parametrize("url", ["my.castr", "../my.castr", "file://{}/my%20castr", "{}/x,y.castr"])
def test_a_spec_becomes_a_store_in_its_directory(
    around: Around, tmp_path: Path, compression: str, url: str
) -> None:
    spec = {"url": url.format(tmp_path), "compression": compression}
    opened = around(stores={"origin": spec})
    store = open_store("origin", opened)
    assert sorted(os.listdir(tmp_path)) == ["job"]

    store.put([CHUNK])

    root = opened.job.location("origin")
    suffix = "" if compression == "none" else ".cacnk"
    assert store.name == "origin"
    assert os.listdir(f"{root}/{CHUNK.id.hex()[:4]}") == [f"{CHUNK.id.hex()}{suffix}"]


def test_the_level_of_a_spec_is_used(around: Around) -> None:
    chunk = make_chunk(b"".join(str(number * number).encode() for number in range(20000)))
    opened = around(caches={f"l{level}": {"url": f"{level}", "level": level} for level in (1, 19)})

    sizes = [open_store(name, opened).put([chunk]).size for name in ("l1", "l19")]

    assert sizes[1] < sizes[0]


def test_one_store_is_its_own_source_and_several_are_routed(around: Around) -> None:
    opened = around(stores={"a": {"url": "a"}, "b": {"url": "b"}})

    routed = open_source(["b", "a"], opened)

    assert isinstance(open_source(["a"], opened), LocalStore)
    assert isinstance(routed, StoreRouter)
    assert list(routed.counts()) == ["b", "a"]


def test_a_cache_stands_in_front_and_keeps_to_its_size(around: Around) -> None:
    chunks = make_chunks(20)
    opened = around(
        stores={"a": {"url": "a"}},
        caches={"c": {"url": "c", "compression": "none", "max_size": 100}},
    )
    open_store("a", opened).put(chunks)

    cached = open_behind_cache("c", open_source(["a"], opened), opened, repair=True)
    answers = cached.fetch([chunk.id for chunk in chunks])

    kept = sum(entry.size for entry in open_store("c", opened).entries())
    assert isinstance(cached, CachedStore)
    assert list(cached.counts()) == ["c", "a"]
    assert all(isinstance(answer, Chunk) for answer in answers)
    assert sum(len(chunk.plain) for chunk in chunks) > 100
    assert kept <= 100


def test_a_failover_group_passes_over_a_member_that_is_gone(
    around: Around, noticed: list[str]
) -> None:
    opened = around(
        stores={"a": {"url": "a"}, "b": {"url": "b"}},
        failover_groups={"g": {"members": ["a", "b"]}},
    )
    open_store("b", opened).put([CHUNK])

    group = open_source(["g"], opened)
    answers = group.fetch([CHUNK.id])

    assert isinstance(group, FailoverGroup)
    assert [type(answer) for answer in answers] == [Chunk]
    assert len(noticed) == 1
    assert noticed[0].startswith("failover group g: store a: ")


def test_a_store_that_may_fail_is_passed_over_and_any_other_is_not(
    around: Around, noticed: list[str]
) -> None:
    opened = around(
        stores={"a": {"url": "a"}, "b": {"url": "b"}, "s": {"url": "a", "on_error": "skip"}}
    )
    open_store("b", opened).put([CHUNK])

    answers = open_source(["s", "b"], opened).fetch([CHUNK.id])

    assert [type(answer) for answer in answers] == [Chunk]
    assert noticed[0].endswith("; the store is passed over")
    with pytest.raises(StoreError):
        open_source(["a", "b"], opened).fetch([CHUNK.id])


def test_a_slow_store_is_raced_by_all_after_it(around: Around) -> None:
    opened = around(
        stores={"a": {"url": "a", "hedge_after": "1s"}, "b": {"url": "b", "hedge_after": "1s"}}
    )

    assert isinstance(open_source(["a", "b"], opened), HedgedSource)
    assert isinstance(open_source(["a"], opened), LocalStore), "there is nobody to race it"


def test_a_directory_is_encrypted_with_the_key_of_the_environment(
    around: Around, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESYNC_ENCRYPTION_KEY", bytes(range(32)).hex())
    encryption = {"algorithm": "aes-256-gcm"}
    store = open_store("s", around(stores={"s": {"url": "s", "encryption": encryption}}))
    store.put([CHUNK])
    (path,) = (tmp_path / "job" / "s").glob("*/*")

    assert path.name == f"{CHUNK.id.hex()}.cacnk.aes-256-gcm-630dcd29"
    assert isinstance(store.fetch([CHUNK.id])[0], Chunk)


def test_a_directory_that_reads_its_own_form_does_not_see_the_other(around: Around) -> None:
    either = {"url": "s", "compression": "none"}
    opened = around(stores={"plain": either, "own": {"url": "s", "reads": "own"}})
    open_store("plain", opened).put([CHUNK])

    assert isinstance(open_store("own", opened).fetch([CHUNK.id])[0], ChunkMissingError)


def test_what_is_not_to_be_verified_is_taken_as_it_is(around: Around, tmp_path: Path) -> None:
    place = {"url": "s", "compression": "none"}
    opened = around(stores={"s": place, "trusted": {**place, "skip_verify": True}})
    open_store("s", opened).put([CHUNK])
    (path,) = (tmp_path / "job" / "s").glob("*/*")
    path.chmod(0o644)
    path.write_bytes(b"something else")

    (answer,) = open_store("trusted", opened).fetch([CHUNK.id])

    assert isinstance(answer, Chunk)
    assert answer.plain == b"something else"
    assert isinstance(open_store("s", opened).fetch([CHUNK.id])[0], ChunkInvalidError)


def test_a_store_over_ssh_can_only_be_read(around: Around) -> None:
    opened = around(stores={"s": {"url": "ssh://me@host/srv"}})
    store = open_store("s", opened)

    assert isinstance(store, CasyncSshStore)
    assert capabilities("s", opened) == {Capability.READ}
    with pytest.raises(StoreError, match="store s: can only be read, and not be written to"):
        store.put([CHUNK])
    with pytest.raises(StoreError, match="can only be read, and not be listed"):
        store.entries()


def test_a_kind_of_place_without_a_driver_is_told(
    around: Around, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(OBJECT_DRIVERS, Kind.HTTP)

    with pytest.raises(UsageError, match="store s: this version does not know https://"):
        open_store("s", around(stores={"s": {"url": "https://h/"}}))


def test_a_driver_without_its_library_names_the_extra(
    around: Around, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pycurl", None)

    with pytest.raises(UsageError) as caught:
        open_store("s", around(stores={"s": {"url": "https://h/"}}))

    assert str(caught.value) == "store s: https needs pycurl: pip install 'desync-jobs[http]'"


def test_a_place_elsewhere_is_opened_once_and_no_secret_is_looked_up(around: Around) -> None:
    auth = {"env": "NOT_SET_ANYWHERE"}
    opened = around(stores={"s": {"url": "https://h/", "http_auth": auth}})

    first = open_objects("s", opened.job.spec.stores["s"], parse_location("https://h/"), opened)
    store = open_store("s", opened)

    again = open_objects("s", opened.job.spec.stores["s"], parse_location("https://h/"), opened)
    assert again is first
    assert store.name == "s"
    assert capabilities("s", opened) == first.capabilities


@pytest.mark.parametrize("key", ["00" * 31, "zz" * 32, "secret"])
def test_a_key_that_is_none_is_refused_and_not_shown(
    around: Around, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("DESYNC_ENCRYPTION_KEY", key)

    with pytest.raises(UsageError) as caught:
        open_store("s", around(stores={"s": {"url": "https://h/", "encryption": {}}}))

    message = "store s: encryption.key is none: a key is 64 hexadecimal digits"
    assert str(caught.value) == message
    assert caught.value.__cause__ is None


def test_directories_can_do_everything_and_groups_be_read(around: Around) -> None:
    opened = around(stores={"a": {"url": "a"}}, failover_groups={"g": {"members": ["a"]}})

    assert capabilities("a", opened) == frozenset(Capability)
    assert capabilities("g", opened) == {Capability.READ, Capability.PRESENCE}


def test_a_member_of_a_group_is_asked_once_and_the_group_repeats(around: Around) -> None:
    opened = around(
        stores={"a": {"url": "https://a/", "policy": {"attempts": 5}}},
        failover_groups={"g": {"members": ["a"]}},
        policy={"attempts": 2, "backoff": "1ms"},
    )
    asked: list[int] = []

    class Refusing(MemoryPlace):
        def get(self, names: Sequence[str], limit: int) -> list[bytes | TooLarge | None]:
            del names
            asked.append(limit)
            raise StoreError("store a: is down")

    def refuse(endpoint: Endpoint) -> ObjectPlace:
        asked.append(endpoint.policy.attempts)
        return Refusing({})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("desync_jobs.stores.http.opening.open_place", refuse)
        group = open_source(["g"], opened)
        with pytest.raises(StoreError, match="failover group g: store a: is down"):
            group.fetch([CHUNK.id])
        open_store("a", opened)

    assert asked[0] == 1, "attempts of the member in the group"
    assert len(asked) == 4, "opened, asked twice by the group, opened for itself"
    assert asked[-1] == 5
