import pytest

from desync_jobs.server.ranges import Part, asked_part, has_already

ETAG = '"abc"'


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("bytes=0-0", Part(0, 1)),
        ("bytes=2-5", Part(2, 6)),
        ("bytes=2-", Part(2, 10)),
        ("bytes=-3", Part(7, 10)),
        ("bytes=-30", Part(0, 10)),
        ("bytes=9-1000000000000", Part(9, 10)),
        ("bytes = 2 - 5", Part(2, 6)),
    ],
)
def test_one_range_is_a_part(text: str, part: Part) -> None:
    assert asked_part({"Range": text}, ETAG, 10) == part


@pytest.mark.parametrize(
    "text", ["", "bytes=", "bytes=-", "bytes=5-2", "bytes=0-1,3-4", "lines=0-1", "bytes=a-b"]
)
def test_what_is_not_understood_means_the_whole(text: str) -> None:
    assert asked_part({"Range": text}, ETAG, 10) is None
    assert asked_part({}, ETAG, 10) is None


@pytest.mark.parametrize("text", ["bytes=10-", "bytes=10-20", "bytes=-0", f"bytes={'9' * 18}-"])
def test_a_range_after_the_end_has_no_bytes(text: str) -> None:
    part = asked_part({"Range": text}, ETAG, 10)

    assert part is not None
    assert part.begin == part.end


def test_a_number_of_too_many_digits_is_not_understood() -> None:
    assert asked_part({"Range": f"bytes=0-{'9' * 1000}"}, ETAG, 10) is None


def test_a_range_of_other_content_means_the_whole() -> None:
    assert asked_part({"Range": "bytes=0-1", "If-Range": '"other"'}, ETAG, 10) is None
    assert asked_part({"Range": "bytes=0-1", "If-Range": ETAG}, ETAG, 10) == Part(0, 2)


@pytest.mark.parametrize(
    ("known", "has"),
    [(ETAG, True), (f"W/{ETAG}", True), (f'"x", {ETAG}', True), ("*", True), ('"x"', False)],
)
def test_the_client_says_what_it_has(known: str, has: bool) -> None:
    assert has_already({"If-None-Match": known}, ETAG) is has
    assert not has_already({}, ETAG)
