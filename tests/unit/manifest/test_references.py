from collections.abc import Callable

from desync_jobs.manifest.job import Job
from desync_jobs.manifest.references import reference_problems

Problems = Callable[..., list[str]]

PLACES = """
version = 1
[stores.origin]
url = "chunks"
[caches.disk]
url = "cache"
"""

EXTRACT = """
[operations.extract]
kind = "extract"
index = "a.caibx"
target = "a"
"""


def test_a_dangling_store_names_the_nearest_one(problems: Problems) -> None:
    assert problems(f"{PLACES}{EXTRACT}stores = ['orign']") == [
        "operations.extract.stores.0: no store named 'orign'; did you mean 'origin'?"
    ]


def test_a_dangling_name_like_no_other_is_told_without_a_guess(problems: Problems) -> None:
    assert problems(f"{PLACES}{EXTRACT}stores = ['origin', 'usb']") == [
        "operations.extract.stores.1: no store named 'usb'"
    ]


def test_a_dangling_cache_names_the_nearest_one(problems: Problems) -> None:
    assert problems(f"{PLACES}{EXTRACT}stores = ['origin']\ncache = 'dsk'") == [
        "operations.extract.cache: no cache named 'dsk'; did you mean 'disk'?"
    ]


def test_a_store_is_not_a_cache(problems: Problems) -> None:
    assert problems(f"{PLACES}{EXTRACT}stores = ['origin']\ncache = 'origin'") == [
        "operations.extract.cache: 'origin' is a store and not a cache; declare it under [caches]"
    ]


def test_a_cache_can_be_read_and_checked_like_a_store(job: Callable[..., Job]) -> None:
    read = job(
        f"{PLACES}{EXTRACT}stores = ['origin', 'disk']\n"
        "[operations.verify]\nkind = 'verify'\nstore = 'disk'"
    )

    assert read.spec.place("disk").url == "cache"
    assert read.spec.place("origin").url == "chunks"


def test_a_store_and_a_cache_cannot_share_a_name(problems: Problems) -> None:
    found = problems(f"{PLACES}[caches.origin]\nurl = 'x'\n{EXTRACT}stores = ['origin']")

    assert found == ["caches.origin: a store has this name too; choose another"]


def test_dangling_names_of_after_are_told(problems: Problems) -> None:
    found = problems(f"{PLACES}{EXTRACT}stores = ['origin']\nafter = ['extrac', 'extract']")

    assert found == [
        "operations.extract.after.0: no operation named 'extrac'",
        "operations.extract.after.1: an operation cannot come after itself",
    ]


def test_a_name_given_twice_is_told_at_its_second_place(problems: Problems) -> None:
    found = problems(f"{PLACES}{EXTRACT}stores = ['origin', 'disk', 'origin']")

    assert found == ["operations.extract.stores.2: 'origin' is named twice"]


def test_a_dangling_name_is_found_beside_a_wrong_key(problems: Problems) -> None:
    found = problems(f"{PLACES}{EXTRACT}stores = ['orign']\nin_place = 3\nnew = 1")

    assert found == [
        "operations.extract.stores.0: no store named 'orign'; did you mean 'origin'?",
        "operations.extract.in_place: should be true or false",
        (
            "operations.extract.new: unknown key; there are after, blob_digest, blobs, cache, "
            "cache_repair, chunks_info, description, direct_io, durability, in_place, index, "
            "indexes, invalid_seeds, kind, seeds, stores, target, targets, verify"
        ),
    ]


def test_values_of_the_wrong_type_are_left_to_the_specs() -> None:
    document = {
        "stores": 3,
        "caches": ["x"],
        "operations": {"a": 3, "b": {"stores": 3, "after": [1, {}], "cache": ["x"]}},
    }

    assert [str(problem) for problem in reference_problems(document)] == [
        "operations.b.cache.0: no cache named 'x'"
    ]


def test_thousands_of_names_are_compared_without_guessing() -> None:
    operations = {f"operation-{n}": {"store": f"s{n}"} for n in range(2000)}
    stores: dict[str, object] = {f"store-{n}": {} for n in range(2000)}

    found = list(reference_problems({"stores": stores, "operations": operations}))

    assert len(found) == 2000
    assert str(found[0]) == "operations.operation-0.store: no store named 's0'"


GROUPS = (
    "version = 1\n[stores]\na = { url = 'a' }\nb = { url = 'b' }\n[caches]\nc = { url = 'c' }\n"
)


def test_stores_may_name_a_failover_group_and_nothing_else_may(problems: Problems) -> None:
    found = problems(
        f"{GROUPS}[failover_groups.g]\nmembers = ['a', 'b']\n"
        "[operations.good]\nkind = 'cat'\nindex = 'i'\nstores = ['g']\n"
        "[operations.one]\nkind = 'verify'\nstore = 'g'\n"
        "[operations.cached]\nkind = 'cat'\nindex = 'i'\nstores = ['gg']\ncache = 'g'\n"
    )

    assert found == [
        "operations.one.store: 'g' is a failover group; name one of its stores",
        "operations.cached.stores.0: no store named 'gg'; did you mean 'g'?",
        (
            "operations.cached.cache: 'g' is a failover group and not a cache; "
            "declare it under [caches]"
        ),
    ]


def test_the_members_of_a_failover_group_are_stores_each_named_once(problems: Problems) -> None:
    found = problems(
        f"{GROUPS}[failover_groups]\ng = {{ members = ['a', 'c', 'aa', 'a', 'g'] }}\n"
        "h = { members = [] }\n[operations.d]\nkind = 'digest'\nblob = 'x'\n"
    )

    assert found == [
        "failover_groups.g.members.1: no store named 'c'",
        "failover_groups.g.members.2: no store named 'aa'; did you mean 'a'?",
        "failover_groups.g.members.3: 'a' is named twice",
        "failover_groups.g.members.4: no store named 'g'",
        "failover_groups.h.members: should have at least one entry",
    ]


def test_a_failover_group_has_a_name_of_its_own(problems: Problems) -> None:
    found = problems(
        f"{GROUPS}[failover_groups]\na = {{ members = ['a'] }}\nc = {{ members = ['b'] }}\n"
        "[operations.d]\nkind = 'digest'\nblob = 'x'\n"
    )

    assert found == [
        "failover_groups.a: a store has this name too; choose another",
        "failover_groups.c: a cache has this name too; choose another",
    ]
