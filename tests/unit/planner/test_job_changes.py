from desync_jobs.planner.job_changes import KeyChange, job_changes


def test_documents_that_are_the_same_have_no_changes() -> None:
    assert job_changes({"a": {"b": [1]}}, {"a": {"b": [1]}}) == []


def test_changes_are_told_by_their_place() -> None:
    old = {"version": 1, "stores": {"a": {"url": "x"}, "b": {"url": "y"}}, "name": "n"}
    new = {"version": 1, "stores": {"a": {"url": "z"}, "c": {"url": "y"}}, "keep_going": True}

    assert job_changes(old, new) == [
        KeyChange("stores.a.url", "x", "z"),
        KeyChange("stores.b", {"url": "y"}, None),
        KeyChange("stores.c", None, {"url": "y"}),
        KeyChange("name", "n", None),
        KeyChange("keep_going", new=True),
    ]


def test_changes_are_said_in_a_line_each() -> None:
    changes = [KeyChange("a", "x", "y"), KeyChange("b", 1), KeyChange("c", None, [2])]

    assert [one.words() for one in changes] == ["~ a = 'y', was 'x'", "- b = 1", "+ c = [2]"]
