import hashlib
import json
from collections.abc import Iterator

import pytest

from desync_jobs.errors import StoreError
from desync_jobs.stores.leases.ledger import SKEW, until_of
from desync_jobs.stores.leases.publications import FOLDER, PublicationLists
from desync_jobs.stores.objects.base import ObjectEntry
from desync_jobs.testing.objects import MemoryPlace

DIGEST = "0" * 64
NOW = 1_800_000_000.0
URLS = ["s3://b/images/x.caibx", "s3://b/images/y.caibx", "sftp://h/i/x.caibx?a=b/c", "alone"]


def test_what_is_put_is_found_by_everybody() -> None:
    place = MemoryPlace()
    (name,) = PublicationLists(place).put(URLS, NOW + 0.5)

    data = place.objects[f"{FOLDER}{name}"]
    assert json.loads(data) == {
        "published": {
            "s3://b/images/": ["x.caibx", "y.caibx"],
            "sftp://h/i/x.caibx?a=b/": ["c"],
            "": ["alone"],
        }
    }
    assert name == f"1800003600-{hashlib.sha256(data).hexdigest()}"
    assert until_of(name) == NOW + 3600
    assert PublicationLists(place).urls((), NOW) == URLS


def test_what_is_put_twice_in_an_hour_is_there_once() -> None:
    place = MemoryPlace()
    lists = PublicationLists(place)

    assert lists.put(URLS, NOW + 1) == lists.put(URLS, NOW + 3600)
    assert len(place.objects) == 1
    assert lists.urls((), NOW) == URLS


def test_many_urls_are_in_lists_of_a_thousand_that_are_written_together() -> None:
    place = MemoryPlace()
    urls = [f"s3://b/images/{number}.caibx" for number in range(2001)]
    names = PublicationLists(place).put(urls, NOW)

    assert len(names) == 3
    assert [verb for verb, _ in place.calls] == ["put"]
    assert sorted(PublicationLists(place).urls((), NOW)) == sorted(urls)
    assert PublicationLists(place).urls(names, NOW) == urls


def test_lists_that_are_old_are_removed_and_told_no_more() -> None:
    place = MemoryPlace()
    lists = PublicationLists(place)
    lists.put(["s3://b/old"], NOW)
    lists.put(["s3://b/new"], NOW + 1)

    assert sorted(lists.urls((), NOW + 2 * SKEW)) == ["s3://b/new", "s3://b/old"]
    assert lists.urls((), NOW + 2 * SKEW + 1) == ["s3://b/new"]
    assert len(place.objects) == 1


def test_old_lists_are_kept_that_are_named_and_what_is_no_list_is_left_alone() -> None:
    place = MemoryPlace({f"{FOLDER}x": b"x"})
    lists = PublicationLists(place)
    (named,) = lists.put(["s3://b/named"], NOW)
    lists.put(["s3://b/old"], NOW)

    assert lists.remove_old(NOW + 2 * SKEW + 1, [named]) == {named, "x"}
    assert sorted(place.objects) == [f"{FOLDER}{named}", f"{FOLDER}x"]


def test_a_list_that_is_named_is_read_also_where_no_listing_shows_it() -> None:
    class Lagging(MemoryPlace):
        def entries(self, prefix: str) -> Iterator[ObjectEntry]:
            del prefix
            return iter(())

    place = Lagging()
    lists = PublicationLists(place)
    names = lists.put(URLS, NOW)

    assert lists.urls((), NOW) == []
    assert lists.urls(names, NOW) == URLS


def test_a_list_that_is_gone_stops_a_collector_where_it_is_named() -> None:
    place = MemoryPlace()
    lists = PublicationLists(place)
    (name,) = lists.put(URLS, NOW)
    place.objects.clear()

    with pytest.raises(StoreError) as raised:
        lists.urls([name], NOW)
    assert str(raised.value) == (
        f"store memory: {FOLDER}{name} is gone, which says what was published lately; prune a day "
        "after the last index appeared"
    )


@pytest.mark.parametrize("data", [b"", b"{}", b'{"published": {"s3://b/": ["x"]}}'])
def test_a_list_that_is_damaged_stops_a_collector(data: bytes) -> None:
    place = MemoryPlace()
    (name,) = PublicationLists(place).put(URLS, NOW)
    place.objects[f"{FOLDER}{name}"] = data

    with pytest.raises(StoreError, match=f"{name} is not a list of indexes that this program"):
        PublicationLists(place).urls((), NOW)


@pytest.mark.parametrize("name", ["x", "1800000000-0", f"-{DIGEST}", f"{10**13}-{DIGEST}"])
def test_what_is_no_list_stops_a_collector(name: str) -> None:
    place = MemoryPlace({f"{FOLDER}{name}": b"x"})

    with pytest.raises(StoreError, match=f"{name} is not a list .*remove it, and prune a day"):
        PublicationLists(place).urls((), NOW)
    assert place.objects != {}


def test_content_of_another_kind_stops_a_collector_though_its_digest_is_right() -> None:
    data = b'{"published": {"s3://b/": ["x", 1]}}'
    name = f"1800000000-{hashlib.sha256(data).hexdigest()}"

    with pytest.raises(StoreError, match="is not a list of indexes"):
        PublicationLists(MemoryPlace({f"{FOLDER}{name}": data})).urls((), NOW)
