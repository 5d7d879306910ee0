from collections.abc import Callable
from typing import Any

import pytest

from desync_jobs.errors import ManifestError
from desync_jobs.manifest.job import Job
from desync_jobs.planner.order import order_operations
from desync_jobs.planner.selection import select

JobOf = Callable[..., Job]

MAKE = {"kind": "make", "blob": "img", "index": "img.caibx", "store": "a"}
EXTRACT = {"kind": "extract", "index": "img.caibx", "target": "out", "stores": ["a"]}


def messages(job: Job) -> list[str]:
    with pytest.raises(ManifestError) as raised:
        order_operations(job)
    assert raised.value.exit_code == 64
    return [str(problem) for problem in raised.value.problems]


def test_a_reader_of_an_index_comes_after_its_writer(job_of: JobOf) -> None:
    order = order_operations(job_of({"get": EXTRACT, "put": MAKE}))

    assert order.names == ("put", "get")
    assert order.data["get"] == {"put"}


def test_paths_are_compared_after_normalising(job_of: JobOf) -> None:
    get = EXTRACT | {"index": "./x/../img.caibx", "stores": ["b"]}

    order = order_operations(job_of({"get": get, "put": MAKE}))

    assert order.names == ("put", "get")


def test_a_reader_of_a_store_comes_after_the_operation_that_fills_it(job_of: JobOf) -> None:
    fill = {"kind": "cache", "indexes": ["x.caibx"], "stores": ["a"], "cache": "c"}
    get = EXTRACT | {"stores": ["b"], "cache": "c"}

    order = order_operations(job_of({"get": get, "fill": fill}))

    assert order.names == ("fill", "get")


def test_two_extracts_through_one_cache_need_no_order(job_of: JobOf) -> None:
    first = EXTRACT | {"cache": "c"}
    second = EXTRACT | {"cache": "c", "target": "out2"}

    order = order_operations(job_of({"one": first, "two": second}))

    assert order.names == ("one", "two")
    assert order.needs["two"] == frozenset()


def test_independent_operations_keep_the_order_of_the_file(job_of: JobOf) -> None:
    digests = {name: {"kind": "digest", "blob": name} for name in ("z", "m", "a")}

    assert order_operations(job_of(digests)).names == ("z", "m", "a")


def test_after_orders_what_data_does_not(job_of: JobOf) -> None:
    first = {"kind": "digest", "blob": "x", "after": ["second"]}
    second = {"kind": "digest", "blob": "y"}

    order = order_operations(job_of({"first": first, "second": second}))

    assert order.names == ("second", "first")
    assert order.data["first"] == frozenset()


def test_two_writers_of_one_file_are_refused(job_of: JobOf) -> None:
    job = job_of({"one": EXTRACT, "two": EXTRACT | {"target": "./out"}})

    assert messages(job) == [
        "operations.two: writes /jobs/out, as operation 'one' does; give one of them another target"
    ]


def test_standard_input_is_read_by_one_operation_only(job_of: JobOf) -> None:
    job = job_of({n: {"kind": "digest", "blob": "-"} for n in ("one", "two")})

    assert messages(job) == [
        "operations.two: reads standard input, as operation 'one' does; it can be read once"
    ]


def test_deleting_from_a_store_that_others_use_needs_an_order(job_of: JobOf) -> None:
    repair = {"kind": "verify", "store": "a", "repair": True}

    # Without an order there is neither before nor after; make fills what verify reads, so
    # that pair has one.
    job = job_of({"repair": repair, "get": EXTRACT})

    assert messages(job) == [
        (
            "operations.repair: deletes from /jobs/a.castr, which operation 'get' uses; "
            "say which comes first with `after`"
        )
    ]
    ordered = job_of({"repair": repair, "get": EXTRACT | {"after": ["repair"]}})
    assert order_operations(ordered).names == ("repair", "get")


def test_a_cycle_is_shown_as_a_path(job_of: JobOf) -> None:
    one = {"kind": "digest", "blob": "x", "after": ["two"]}
    two = {"kind": "digest", "blob": "y", "after": ["one"]}

    (message,) = messages(job_of({"one": one, "two": two}))

    assert "operations wait for each other: " in message
    assert "one → two → one" in message or "two → one → two" in message


def test_filling_a_store_from_what_it_gave_is_no_cycle(job_of: JobOf) -> None:
    get = EXTRACT | {"index": "old.caibx", "target": "img"}

    order = order_operations(job_of({"make": MAKE, "get": get}))

    assert order.names == ("get", "make")


def test_a_cycle_through_data_is_found(job_of: JobOf) -> None:
    one = {"kind": "cache", "indexes": ["x.caibx"], "stores": ["a"], "cache": "c"}
    make = MAKE | {"after": ["one"], "index": "x.caibx"}

    (message,) = messages(job_of({"one": one, "make": make}))

    assert "operations wait for each other" in message


MANY = {"kind": "extract", "indexes": "images/*.caibx", "targets": "out", "stores": ["b"]}


@pytest.mark.parametrize("index", ["images/x.caibx", "./images/../images/x.caibx"])
def test_whoever_makes_an_index_comes_before_the_one_that_searches_its_directory(
    job_of: JobOf, index: str
) -> None:
    order = order_operations(job_of({"all": MANY, "put": MAKE | {"index": index}}))

    assert order.names == ("put", "all")
    assert order.data["all"] == {"put"}


@pytest.mark.parametrize("index", ["images/x.index", "images/deep/x.caibx", "x.caibx"])
def test_an_index_that_no_pattern_stands_for_needs_no_order(job_of: JobOf, index: str) -> None:
    order = order_operations(job_of({"all": MANY, "put": MAKE | {"index": index}}))

    assert order.names == ("all", "put")
    assert order.data["all"] == frozenset()


def test_a_reader_of_what_a_pattern_may_bring_comes_after_it(job_of: JobOf) -> None:
    digest = {"kind": "digest", "blob": "out/x"}
    listing = {"kind": "list-chunks", "index": "out/x.caibx"}
    order = order_operations(job_of({"sum": digest, "list": listing, "all": MANY}))

    assert order.names == ("list", "all", "sum")
    assert order.data["sum"] == {"all"}


def test_operations_on_many_blobs_come_after_those_that_may_write_them(job_of: JobOf) -> None:
    make = {"kind": "make", "blobs": "out/*.img", "indexes": "again", "store": "a"}
    back = {"kind": "extract", "indexes": "again/v*.caibx", "targets": "back", "stores": ["a"]}
    one = {"kind": "list-chunks", "index": "again/a.img.caibx"}
    order = order_operations(job_of({"one": one, "back": back, "make": make, "all": MANY}))

    assert order.names == ("all", "make", "one", "back")
    assert order.data["make"] == {"all"}
    assert order.data["back"] == order.data["one"] == {"make"}


def test_every_blob_of_a_list_is_read_and_written(job_of: JobOf) -> None:
    blobs = [{"index": "img.caibx", "target": "a"}, {"index": "other.caibx", "target": "b"}]
    several = {"kind": "extract", "blobs": blobs, "stores": ["b"]}
    named = {**MANY, "indexes": ["img.caibx", "other.caibx"]}
    digests = {
        "one": {"kind": "digest", "blob": "b"},
        "two": {"kind": "digest", "blob": "out/other"},
    }
    order = order_operations(job_of({**digests, "list": several, "named": named, "put": MAKE}))

    assert order.names == ("put", "list", "one", "named", "two")


SEEDS: dict[str, Any] = {"seeds": {"all": {"directory": "seeds"}}}


def seeded(target: str, **fields: Any) -> dict[str, Any]:
    return EXTRACT | {"target": target, "seeds": ["all"], **fields}


def test_a_user_of_a_directory_of_seeds_comes_after_those_that_write_into_it(
    job_of: JobOf,
) -> None:
    job = job_of(
        {
            "use": seeded("out", stores=["b"], index="x.caibx"),
            "blob": EXTRACT | {"stores": ["b"], "index": "y.caibx", "target": "seeds/deep/old"},
            "index": MAKE | {"index": "seeds/old.caibx"},
            "beside": EXTRACT | {"stores": ["b"], "index": "z.caibx", "target": "seeds-not/old"},
        },
        **SEEDS,
    )
    order = order_operations(job)

    assert order.data["use"] == {"blob", "index"}
    assert order.names == ("blob", "index", "use", "beside")


def test_users_of_a_directory_of_seeds_that_write_into_it_keep_their_order(job_of: JobOf) -> None:
    names = ("z", "m", "a")
    fields = {"stores": ["b"], "index": "x.caibx"}
    order = order_operations(
        job_of({name: seeded(f"seeds/{name}", **fields) for name in names}, **SEEDS)
    )

    assert order.names == names
    assert dict(order.data) == {"z": set(), "m": {"z"}, "a": {"z", "m"}}


def test_what_has_to_come_before_a_writer_into_its_seeds_does(job_of: JobOf) -> None:
    first = seeded("img", stores=["b"], index="x.caibx")
    job = job_of({"write": MAKE | {"index": "seeds/img.caibx"}, "first": first}, **SEEDS)

    assert order_operations(job).names == ("first", "write")


def test_many_users_of_one_directory_are_ordered_at_once(job_of: JobOf) -> None:
    fields = {"stores": ["b"], "index": "x.caibx"}
    job = job_of({f"x{at}": seeded(f"seeds/{at}", **fields) for at in range(200)}, **SEEDS)
    order = order_operations(job)

    assert order.names == tuple(job.spec.operations)
    assert len(order.data["x199"]) == 199


def test_what_is_read_from_a_tree_is_read_when_it_is_unpacked(job_of: JobOf) -> None:
    untar = {"kind": "untar", "archive": "tree.catar", "target": "top/tree"}
    reads = {
        "all": {"kind": "tar", "directory": "top", "archive": "all.catar"},
        "same": {"kind": "tar", "directory": "top/tree", "archive": "same.catar"},
        "part": {"kind": "tar", "directory": "top/tree/a", "archive": "part.catar"},
        "file": {"kind": "digest", "blob": "top/tree/a/b"},
        "other": {"kind": "digest", "blob": "top/tree2"},
    }
    order = order_operations(job_of({**reads, "unpack": untar}))

    assert {name for name, needs in order.needs.items() if "unpack" in needs} == {
        *("all", "same", "part", "file")
    }


def test_two_cannot_unpack_one_tree(job_of: JobOf) -> None:
    untar = {"kind": "untar", "archive": "a.catar", "target": "tree"}

    with pytest.raises(ManifestError, match=r"operations.b: writes .*/tree, as operation 'a' does"):
        order_operations(job_of({"a": untar, "b": untar}))


def test_a_reader_of_a_tree_comes_after_what_is_written_into_it(job_of: JobOf) -> None:
    tar = {"kind": "tar", "directory": "./tree", "archive": "tree.catar"}
    inside = EXTRACT | {"target": "tree/a/out"}
    beside = EXTRACT | {"target": "tree2/out"}

    order = order_operations(job_of({"tar": tar, "inside": inside, "beside": beside}))

    assert order.names == ("inside", "tar", "beside")
    assert order.data["tar"] == {"inside"}


def test_a_store_under_another_name_of_its_directory_is_the_same_store(job_of: JobOf) -> None:
    prune = {"kind": "prune", "store": "b", "indexes": ["kept.caibx"]}
    job = job_of({"prune": prune, "put": MAKE})
    links = {"/jobs/b.castr": "/jobs/a.castr"}

    assert order_operations(job).names == ("prune", "put")
    assert order_operations(job, lambda path: links.get(path, path)).names == ("put", "prune")
    assert list(select(job, ["prune"], lambda path: links.get(path, path)).spec.operations) == [
        "prune",
        "put",
    ]


def test_a_store_elsewhere_is_not_looked_for_among_directories(job_of: JobOf) -> None:
    stores = {"a": {"url": "memory://there"}, "b": {"url": "memory://there/"}}
    prune = {"kind": "prune", "store": "b", "indexes": ["kept.caibx"]}
    job = job_of({"prune": prune, "put": MAKE}, stores=stores)

    def real(path: str) -> str:
        raise AssertionError(path)

    assert "put" in order_operations(job, real).names
