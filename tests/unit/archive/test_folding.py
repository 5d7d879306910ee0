import tracemalloc

import pytest

from desync_jobs.archive.folding import LISTED, TreeDigests

TOP = "."


def digests(tree: dict[str, object] | str, about: str = "top") -> dict[str, str]:
    """Return what is listed of a tree: names with what they are, or with what is in them."""
    taken = TreeDigests(about.encode())
    assert isinstance(tree, dict)
    _take(taken, tree)
    taken.leave()
    return {path.decode(): digest for path, digest in taken.listed()}


def _take(taken: TreeDigests, tree: dict[str, object]) -> None:
    for name, below in tree.items():
        if isinstance(below, dict):
            taken.enter(name.encode(), b"directory")
            _take(taken, below)
            taken.leave()
        else:
            taken.add(name.encode(), str(below).encode())


def test_everything_is_listed_in_order_where_it_is_not_much() -> None:
    found = digests({"a": {"x": "1", "y": {}}, "b": "2"})

    assert list(found) == [TOP, "a", "a/x", "a/y", "b"]
    assert len(set(found.values())) == 5
    assert {len(one) for one in found.values()} == {64}


@pytest.mark.parametrize(
    ("tree", "changed"),
    [
        ({"a": {"x": "0", "y": {}}, "b": "2"}, {TOP, "a", "a/x"}),
        ({"a": {"x": "1", "y": {}}, "b": "0"}, {TOP, "b"}),
        ({"a": {"x": "1", "y": {"z": ""}}, "b": "2"}, {TOP, "a", "a/y", "a/y/z"}),
        ({"a": {"x": "1"}, "b": "2"}, {TOP, "a", "a/y"}),
        ({"a": {"x": "1", "y": ""}, "b": "2"}, {TOP, "a", "a/y"}),
        ({"a": {"x": "1", "z": {}}, "b": "2"}, {TOP, "a", "a/y", "a/z"}),
        ({"a": {"w": "1", "y": {}}, "b": "2"}, {TOP, "a", "a/x", "a/w"}),
    ],
)
def test_a_digest_is_another_one_where_the_node_or_anything_in_it_is(
    tree: dict[str, object], changed: set[str]
) -> None:
    before, after = digests({"a": {"x": "1", "y": {}}, "b": "2"}), digests(tree)

    every = {*before, *after}
    assert {path for path in every if before.get(path) != after.get(path)} == changed


def test_what_is_said_of_the_top_counts() -> None:
    one, other = digests({"a": "1"}), digests({"a": "1"}, "other")

    assert one[TOP] != other[TOP]
    assert one["a"] == other["a"]


def test_the_deepest_directories_stand_for_what_is_in_them_where_that_is_much() -> None:
    tree: dict[str, object] = {
        f"d{one:02}": {f"e{two:02}": {str(name): "1" for name in range(10)} for two in range(10)}
        for one in range(50)
    }
    found = digests(tree)
    top = [path for path in found if "/" not in path.rstrip("/")]

    assert len(found) - 1 <= LISTED
    assert [path for path in top if not path.endswith("/")] == [TOP, *sorted(tree)]
    assert {f"d{one:02}/e{two:02}" for one in range(50) for two in range(10)} == {
        path.rstrip("/") for path in found if path.count("/") - path.endswith("/") == 1
    }


@pytest.mark.parametrize("largest", ["a", "b"])
def test_the_largest_directory_of_the_deepest_stands_for_what_is_in_it(largest: str) -> None:
    tree: dict[str, object] = {
        folder: {str(name): "1" for name in range(700 if folder == largest else 400)}
        for folder in ("a", "b", "c")
    }
    found = digests(tree)

    assert [path for path in found if path.count("/") == path.endswith("/")] == [
        TOP,
        *(f"{folder}/" if folder == largest else folder for folder in ("a", "b", "c")),
    ]
    assert len(found) == 804


def test_a_digest_does_not_depend_on_what_is_listed() -> None:
    below: dict[str, object] = {str(name): "1" for name in range(700)}
    alone = digests({"a": below})
    beside = digests({"a": below, "b": below})

    assert alone["a"] == beside.get("a", beside.get("a/"))
    assert digests({"a": {**below, "x": "1"}, "b": below})[TOP] != beside[TOP]


def test_of_too_many_at_the_top_only_that_is_listed() -> None:
    tree: dict[str, object] = {str(name): "1" for name in range(LISTED + 1)}

    assert list(digests(tree)) == ["./"]
    del tree["0"]
    assert len(digests(tree)) == LISTED + 1


def test_memory_does_not_grow_with_the_tree() -> None:
    taken = TreeDigests(b"top")
    tracemalloc.start()
    for one in range(200):
        taken.enter(b"%d" % one, b"")
        for two in range(20):
            taken.enter(b"%d" % two, b"")
            for three in range(20):
                taken.add(b"%d" % three, b"")
            taken.leave()
        taken.leave()
    taken.leave()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most < 1_500_000
    assert sum(1 for _ in taken.listed()) - 1 <= LISTED


def test_a_tree_may_be_deeper_than_functions_may_call_each_other() -> None:
    taken = TreeDigests(b"top")
    for _ in range(5000):
        taken.enter(b"d", b"")
    for _ in range(5001):
        taken.leave()

    assert len(dict(taken.listed())) - 1 <= LISTED
