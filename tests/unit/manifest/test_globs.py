import pytest

from desync_jobs.manifest.globs import absolute, as_pattern, is_pattern, matches, may_meet


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        ("/j/a.caibx", "/j/*.caibx", True),
        ("/j/a.caibx", "/j/?.caibx", True),
        ("/j/b.caibx", "/j/[a-c].caibx", True),
        ("/j/A.caibx", "/j/a.caibx", False),
        ("/j/x/a.caibx", "/j/*.caibx", False),
        ("/j/x/a.caibx", "/j/*/*.caibx", True),
        ("/k/a.caibx", "/j/*.caibx", False),
        ("/j/[1].caibx", "/j/[[]1].caibx", True),
        ("/j/a.img", "/j/*", True),
        ("/j/a.caibx", "/j/*", False),
    ],
)
def test_a_pattern_stands_for_paths_part_by_part(path: str, pattern: str, expected: bool) -> None:
    assert matches(path, pattern) is expected


def test_the_directory_of_a_job_is_no_pattern() -> None:
    pattern = absolute("../images/*.caibx", "/jobs[1]/x*")

    assert matches("/jobs[1]/images/a.caibx", pattern)
    assert not matches("/jobs1/images/a.caibx", pattern)


@pytest.mark.parametrize("path", ["a[1].caibx", "what?.caibx", "*.caibx"])
def test_a_path_can_be_written_as_a_pattern_of_its_own(path: str) -> None:
    assert is_pattern(path)
    assert matches(path, as_pattern(path))
    assert not matches("a1.caibx", as_pattern(path))


def test_most_paths_are_patterns_of_their_own_as_they_are() -> None:
    assert as_pattern("images/a b,c.caibx") == "images/a b,c.caibx"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("/j/*.caibx", "/j/*.caibx", True),
        ("/j/*.img.caibx", "/j/*.caibx", True),
        ("/j/*.img.caibx", "/j/*.raw.caibx", False),
        ("/j/a*.caibx", "/j/b*.caibx", False),
        ("/j/a*.caibx", "/j/[ab]*.caibx", True),
        ("/j/*", "/j/*.img", True),
        ("/j/*", "/j/*.caibx", False),
        ("/j/*/*.img", "/j/*.img", False),
        ("/j/*/a.img", "/j/x/?.img", True),
        ("/k/*.img", "/j/*.img", False),
    ],
)
def test_two_patterns_may_meet_where_their_ends_do(one: str, other: str, expected: bool) -> None:
    assert may_meet(one, other) is expected
    assert may_meet(other, one) is expected
