"""What an HTTP place makes of each answer, and how many requests it takes."""

import gzip
import sys
from dataclasses import replace

import pytest

from desync_jobs.errors import StoreError
from desync_jobs.stores.http.place import HttpPlace
from desync_jobs.stores.objects.base import TooLarge, Traffic
from desync_jobs.stores.policy.values import Policy
from tests.servers.http_places import QUICK, http_place
from tests.servers.scripted import End, Received, Reply, scripted_server

FIVE_TIMES = 5
NAME = "abcd/abcdef.cacnk"
ALWAYS_BROKEN = Reply(502, b"bad day\nsecond line")


def policy(attempts: int = FIVE_TIMES) -> Policy:
    return replace(QUICK, attempts=attempts)


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("", "/abcd/abcdef.cacnk"),
        ("/", "/abcd/abcdef.cacnk"),
        ("/path", "/path/abcd/abcdef.cacnk"),
        ("/path/", "/path/abcd/abcdef.cacnk"),
        ("/path1/path2", "/path1/path2/abcd/abcdef.cacnk"),
        ("/a%20b/ü?query=1#fragment", "/a%20b/%C3%BC/abcd/abcdef.cacnk"),
    ],
)
def test_names_are_put_below_the_path_of_the_url(path: str, target: str) -> None:
    with scripted_server(Reply(body=b"content")) as server:
        assert http_place(server.url + path).get([NAME], 100) == [b"content"]

        assert [(one.method, one.target) for one in server.received] == [("GET", target)]


@pytest.mark.parametrize(
    ("statuses", "found"),
    [
        ([200], 3),
        ([404], None),
        ([500, 200], 3),
        ([500, 503, 404], None),
        ([408, 429, 200], 3),
        ([599, 502, 503, 500, 200], 3),
    ],
)
def test_looking_asks_until_there_is_an_answer(statuses: list[int], found: int | None) -> None:
    replies = [Reply(status, b"abc") for status in statuses]
    with scripted_server(*replies) as server:
        place = http_place(server.url, policy())

        assert place.sizes([NAME]) == [found]
        assert [one.method for one in server.received] == ["HEAD"] * len(statuses)
        traffic = place.traffic()
        assert traffic.requests == len(statuses)
        assert traffic.retries == len(statuses) - 1
        assert traffic.seconds > 0


@pytest.mark.parametrize(
    ("statuses", "content"),
    [
        ([200], b"abc"),
        ([404], None),
        ([500, 200], b"abc"),
        ([500, 503, 404], None),
        ([408, 429, 200], b"abc"),
    ],
)
def test_reading_asks_until_there_is_an_answer(statuses: list[int], content: bytes | None) -> None:
    replies = [Reply(status, b"abc") for status in statuses]
    with scripted_server(*replies) as server:
        assert http_place(server.url, policy()).get([NAME], 100) == [content]

        assert [one.method for one in server.received] == ["GET"] * len(statuses)


@pytest.mark.parametrize("status", [200, 201, 204])
def test_what_is_written_is_there(status: int) -> None:
    with scripted_server(Reply(status)) as server:
        http_place(server.url).put([(NAME, b"content")], "application/zstd")

        (request,) = server.received
        assert (request.method, request.target, request.body) == ("PUT", f"/{NAME}", b"content")
        assert request.headers["content-type"] == "application/zstd"
        assert "expect" not in request.headers


def test_a_write_that_is_tried_again_sends_its_whole_body_again() -> None:
    content = bytes(range(256)) * 5000
    with scripted_server(Reply(503), Reply(502), Reply(200)) as server:
        http_place(server.url).put([(NAME, content)], "application/zstd")

        assert [one.body == content for one in server.received] == [True] * 3


@pytest.mark.parametrize("status", [400, 401, 403, 405, 410, 416])
@pytest.mark.parametrize("verb", ["get", "sizes", "put", "delete"])
def test_other_answers_are_errors_at_once(status: int, verb: str) -> None:
    with scripted_server(Reply(status, b"no, because")) as server:
        with pytest.raises(StoreError) as caught:
            do(verb, http_place(server.url, policy()))

        assert len(server.received) == 1
        assert f"cannot {WORDS[verb]} {server.url}/{NAME}: HTTP {status} " in str(caught.value)


@pytest.mark.parametrize("verb", ["get", "sizes", "put", "delete"])
def test_a_server_that_stays_broken_is_asked_as_often_as_the_policy_says(verb: str) -> None:
    with scripted_server(otherwise=ALWAYS_BROKEN) as server:
        with pytest.raises(StoreError) as caught:
            do(verb, http_place(server.url, policy()))

        said = "" if verb == "sizes" else ": bad day"
        assert len(server.received) == FIVE_TIMES
        assert str(caught.value) == (
            f"store web: cannot {WORDS[verb]} {server.url}/{NAME}: HTTP 502 Bad Gateway{said} "
            "(attempt 5 of 5)"
        )


@pytest.mark.parametrize("verb", ["get", "sizes", "put", "delete"])
def test_one_attempt_is_one_request(verb: str) -> None:
    with scripted_server(otherwise=ALWAYS_BROKEN) as server:
        with pytest.raises(StoreError):
            do(verb, http_place(server.url, policy(1)))

        assert len(server.received) == 1


def test_a_write_that_stays_broken_with_500_is_one_look_for_its_directory_more() -> None:
    def answer(request: Received) -> Reply:
        return Reply(405 if request.method == "MKCOL" else 500)

    with scripted_server(otherwise=answer) as server:
        with pytest.raises(StoreError, match=r"HTTP 500 .*\(attempt 3 of 3\)"):
            http_place(server.url).put([(NAME, b"content")], "x/y")

        assert [one.method for one in server.received] == ["PUT", "MKCOL", "PUT", "PUT"]


def test_a_redirected_write_is_refused_and_not_turned_into_a_read() -> None:
    moved = Reply(303, headers={"Location": "/elsewhere"})
    with scripted_server(moved, Reply(200)) as server:
        with pytest.raises(StoreError, match="HTTP 303 See Other"):
            http_place(server.url).put([(NAME, b"content")], "x/y")

        assert len(server.received) == 1


@pytest.mark.parametrize("status", [200, 202, 204, 404])
def test_removing_what_is_gone_is_done(status: int) -> None:
    with scripted_server(Reply(status)) as server:
        http_place(server.url).delete([NAME])

        assert [one.method for one in server.received] == ["DELETE"]


def test_a_server_that_tells_no_size_has_the_object_all_the_same() -> None:
    with scripted_server(Reply(200, length=None)) as server:
        assert http_place(server.url).sizes([NAME]) == [-1]


@pytest.mark.parametrize("length", [-1, None])
def test_a_body_over_the_limit_is_not_kept(length: int | None) -> None:
    reply = Reply(body=bytes(5001), length=length, end=End.CLOSED)
    with scripted_server(reply, Reply(body=bytes(5000))) as server:
        place = http_place(server.url)

        assert place.get([NAME], 5000) == [TooLarge(5001 if length == -1 else None)]
        assert place.get([NAME], 5000) == [bytes(5000)]


def test_an_endless_body_ends_at_the_limit() -> None:
    reply = Reply(body=bytes(1 << 16), length=None, endless=True)
    with scripted_server(reply) as server:
        assert http_place(server.url).get([NAME], 1 << 20) == [TooLarge(None)]


def test_an_endless_error_is_told_by_its_status() -> None:
    reply = Reply(403, b"no way\n" * 1000, length=None, endless=True)
    with scripted_server(reply) as server:
        place = http_place(server.url)

        with pytest.raises(StoreError, match="HTTP 403 Forbidden"):
            place.get([NAME], 1000)


def test_an_empty_body_is_content() -> None:
    with scripted_server(Reply(body=b"")) as server:
        assert http_place(server.url).get([NAME], 100) == [b""]


def test_no_body_is_kept_after_its_request() -> None:
    content = bytes(100_000)
    before = sys.getrefcount(content)
    with scripted_server(Reply(200), Reply(body=bytes(1000))) as server:
        place = http_place(server.url)
        place.put([(NAME, content)], "x/y")
        answers = place.get([NAME], 1000)

        after, received = sys.getrefcount(content), sys.getrefcount(answers[0])
        assert after == before
        assert received == 2  # the list's and the call's


def test_nothing_asked_is_nothing_sent() -> None:
    with scripted_server() as server:
        place = http_place(server.url)

        assert place.get([], 100) == []
        assert place.sizes([]) == []
        place.put([], "x/y")
        place.delete([])
        assert server.connections == 0
        assert place.traffic() == Traffic()


def test_an_empty_body_of_unknown_length_is_no_content() -> None:
    with scripted_server(Reply(length=None, end=End.CLOSED), Reply(body=b"x")) as server:
        assert http_place(server.url).get([NAME], 100) == [b"x"]


def test_no_answer_is_ever_unpacked_on_the_way() -> None:
    packed = gzip.compress(b"content")
    with scripted_server(Reply(body=packed, headers={"Content-Encoding": "gzip"})) as server:
        assert http_place(server.url).get([NAME], 100) == [packed]

        assert "accept-encoding" not in server.received[0].headers


def test_a_page_of_html_and_control_characters_do_not_reach_the_message() -> None:
    replies = Reply(403, b"<html>\n<h1>no"), Reply(403, b"\x1b[31mno\x07\nmore" + b"x" * 1000)
    with scripted_server(*replies) as server:
        place = http_place(server.url)
        messages = []
        for _ in replies:
            with pytest.raises(StoreError) as caught:
                place.get([NAME], 10_000)
            messages.append(str(caught.value))

        assert messages[0].endswith("HTTP 403 Forbidden")
        assert messages[1].endswith(
            "HTTP 403 Forbidden: \N{REPLACEMENT CHARACTER}[31mno\N{REPLACEMENT CHARACTER}"
        )


def test_messages_show_no_credentials_of_the_url() -> None:
    with scripted_server(Reply(403)) as server:
        url = server.url.replace("http://", "http://user:secret@")
        with pytest.raises(StoreError) as caught:
            http_place(url).get([NAME], 100)

        assert f"cannot read {server.url}/{NAME}: " in str(caught.value)


def test_http_cannot_be_listed() -> None:
    with pytest.raises(StoreError, match=r"^store web: http://host/path/ cannot be listed"):
        http_place("http://host/path").entries("")


WORDS = {"get": "read", "sizes": "look for", "put": "write", "delete": "remove"}


def do(verb: str, place: HttpPlace) -> None:
    match verb:
        case "get":
            place.get([NAME], 1000)
        case "sizes":
            place.sizes([NAME])
        case "put":
            place.put([(NAME, b"content")], "x/y")
        case _:
            place.delete([NAME])
