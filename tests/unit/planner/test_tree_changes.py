import pytest

from desync_jobs.planner.facts import TreeSeen
from desync_jobs.planner.tree_changes import tree_changes

BEFORE = {".": "0", "a": "1", "a/x": "2", "a/y/": "3", "b": "4"}


def changes(now: dict[str, str], saved: dict[str, str] | None = None) -> list[str]:
    """Return what has changed, each without the tree's name."""
    old, new = (
        TreeSeen("/t", 9, 9, exact=True, digests=one)
        for one in (BEFORE if saved is None else saved, now)
    )
    told = list(tree_changes(old, new))
    assert all(one.startswith("tree /t: ") for one in told)
    return [one.removeprefix("tree /t: ") for one in told]


def test_nothing_is_told_of_a_tree_that_is_as_it_was() -> None:
    assert changes(BEFORE) == []


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ({**BEFORE, ".": "!", "a": "!", "a/x": "!"}, ["a/x has changed"]),
        ({**BEFORE, ".": "!", "a": "!"}, ["a has changed"]),
        ({**BEFORE, ".": "!"}, ["its top has changed"]),
        ({**BEFORE, ".": "!", "a": "!", "a/y/": "!"}, ["something in a/y has changed"]),
        ({".": "!", "b": "4"}, ["a is gone"]),
        ({**BEFORE, ".": "!", "a0": "1", "c": "5"}, ["a0 is new", "c is new"]),
        ({"./": "!"}, ["something in it has changed"]),
        (
            {".": "!", "a": "!", "a/w": "1", "a/x": "!", "a/y/": "!", "b": "!"},
            ["a/w is new", "a/x has changed", "something in a/y has changed", "b has changed"],
        ),
    ],
)
def test_a_change_is_told_where_it_is(now: dict[str, str], told: list[str]) -> None:
    assert changes(now) == told


def test_a_directory_that_only_one_look_has_a_list_of_is_compared_as_a_whole() -> None:
    listed = {".": "0", "a": "1", "a/x": "2", "b": "3"}
    whole = {".": "0", "a/": "1", "b": "3"}

    assert changes(whole, listed) == changes(listed, whole) == []
    assert changes({".": "!", "a/": "!", "b": "3"}, listed) == ["something in a has changed"]
    assert changes({**listed, ".": "!", "a": "!"}, whole) == ["something in a has changed"]


def test_the_first_ten_changes_are_told_and_how_many_more_there_are() -> None:
    now = {**BEFORE, ".": "!", **{f"new{number:04}": "1" for number in range(1011)}}
    told = changes(now)

    assert told[:2] == ["new0000 is new", "new0001 is new"]
    assert told[9:] == ["new0009 is new", "and 1,001 more"]


def test_names_are_told_in_one_word_whatever_is_in_them() -> None:
    name = b"\xff new\nline".decode("utf-8", "surrogateescape")

    assert changes({**BEFORE, ".": "!", name: "1"}) == ["\\377\\040new\\012line is new"]
