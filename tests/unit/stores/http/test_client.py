"""What a client does when the network or the server misbehaves."""

import os
import resource
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from email.utils import formatdate

import pytest

from desync_jobs.errors import InterruptedRunError, StoreError, UsageError
from desync_jobs.stores.http.messages import Request, Response
from desync_jobs.stores.http.options import Credentials
from desync_jobs.stores.http.place import HttpPlace
from desync_jobs.stores.policy.retry import Failure
from desync_jobs.stores.policy.values import NeverStopped
from tests.servers.http_places import QUICK, http_client, http_place
from tests.servers.nginx import free_port
from tests.servers.scripted import Answer, End, Received, Reply, scripted_server

WHOLE = Reply(body=b"content")
NAMES = [f"{number:04x}" for number in range(64)]

BROKEN = {
    "reset in the body": Reply(body=b"cont", length=7, end=End.RESET),
    "reset at once": Reply(raw=b"", end=End.RESET),
    "closed in the body": Reply(body=b"cont", length=7, end=End.CLOSED),
    "closed at once": Reply(raw=b"", end=End.CLOSED),
    "closed in a header": Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Le", end=End.CLOSED),
    "closed in a later header": Reply(
        raw=b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nX-Oth", end=End.CLOSED
    ),
    "closed in a piece": Reply(
        raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\ncont", end=End.CLOSED
    ),
    "no status line": Reply(raw=b"\x00\x01garbage\r\n\r\n", end=End.CLOSED),
    "a status that is no number": Reply(raw=b"HTTP/1.1 abc OK\r\n\r\n", end=End.CLOSED),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_broken_answer_is_asked_for_again(broken: Reply) -> None:
    with scripted_server(broken, broken, WHOLE) as server:
        place = http_place(server.url, replace(QUICK, attempts=3))

        assert place.get(["x"], 100) == [b"content"]
        assert place.traffic().retries == 2
        # libcurl itself repeats a request once on a kept connection that was closed.
        assert len(server.received) >= 3


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_an_answer_that_stays_broken_is_an_error(broken: Reply) -> None:
    with scripted_server(otherwise=broken) as server:
        with pytest.raises(StoreError, match=r"^store web: cannot read .*\(attempt 2 of 2\)$"):
            http_place(server.url, replace(QUICK, attempts=2)).get(["x"], 100)

        assert len(server.received) == 2


def test_a_server_that_is_not_there_is_an_error_that_says_where() -> None:
    url = f"http://127.0.0.1:{free_port()}"

    with pytest.raises(StoreError) as caught:
        http_place(url, replace(QUICK, attempts=2)).get(["x"], 100)

    assert f"cannot read {url}/x: " in str(caught.value)
    assert "(curl 7) (attempt 2 of 2)" in str(caught.value)


@pytest.mark.parametrize("before_the_head", [True, False])
def test_a_stalled_answer_ends_with_the_time_limit(before_the_head: bool) -> None:
    stalled = Reply(raw=b"", end=End.STALLED)
    if not before_the_head:
        stalled = Reply(body=b"cont", length=7, end=End.STALLED)
    with scripted_server(stalled, WHOLE) as server:
        place = http_place(server.url, replace(QUICK, timeout=0.3))
        began = time.monotonic()

        assert place.get(["x"], 100) == [b"content"]
        assert 0.25 < time.monotonic() - began < 10
        assert place.traffic().retries == 1


def test_a_slow_drip_ends_with_the_time_limit() -> None:
    drip = Reply(body=bytes(1000), drip=0.05)
    with scripted_server(otherwise=drip) as server:
        with pytest.raises(StoreError, match=r"timed out .*\(attempt 2 of 2\)"):
            http_place(server.url, replace(QUICK, timeout=0.3, attempts=2)).get(["x"], 2000)

        assert len(server.received) == 2


def test_a_whole_batch_ends_with_its_deadline() -> None:
    with scripted_server(otherwise=Reply(raw=b"", end=End.STALLED)) as server:
        began = time.monotonic()
        with pytest.raises(StoreError, match=r"cannot read 64 objects: not done within 0.3 s"):
            http_place(server.url, replace(QUICK, deadline=0.3)).get(NAMES, 100)

        assert 0.3 <= time.monotonic() - began < 5


def in_seconds(seconds: float) -> str:
    return f"{seconds:.0f}"


def at_a_date(seconds: float) -> str:
    return formatdate(time.time() + seconds + 1, usegmt=True)


@pytest.mark.parametrize("write", [in_seconds, at_a_date])
@pytest.mark.parametrize("status", [429, 503])
def test_a_server_is_left_alone_as_long_as_it_asks(status: int, write: object) -> None:
    assert callable(write)
    busy = Reply(status, headers={"Retry-After": write(1)})
    with scripted_server(busy, WHOLE) as server:
        began = time.monotonic()

        assert http_place(server.url).get(["x"], 100) == [b"content"]
        assert 0.9 < time.monotonic() - began < 10
        assert len(server.received) == 2


def test_a_server_that_asks_for_too_long_is_given_up_at_once() -> None:
    with scripted_server(Reply(429, b"go away", headers={"Retry-After": "3600"})) as server:
        began = time.monotonic()
        with pytest.raises(StoreError) as caught:
            http_place(server.url).get(["x"], 100)

        assert str(caught.value).endswith(
            "HTTP 429 Too Many Requests: go away (it asks to come back in 3600 s, and waiting is "
            "limited to 5 s)"
        )
        assert time.monotonic() - began < 4
        assert len(server.received) == 1


def test_a_burst_of_overload_is_survived_with_fewer_in_flight() -> None:
    replies = [Reply(503, after=0.01)] * 20
    with scripted_server(*replies, otherwise=Reply(body=b"content", after=0.01)) as server:
        client = http_client(server.url, replace(QUICK, concurrency=16, attempts=9))

        contents = HttpPlace("web", server.url, client).get(NAMES, 100)

        assert contents == [b"content"] * 64
        assert 1 < server.most_at_once <= 16
        assert client.budget.allowed < 16


def answer_together(count: int) -> Answer:
    """Answer only when `count` requests are there at one time."""
    barrier = threading.Barrier(count)

    def answer(request: Received) -> Reply:
        del request
        barrier.wait(10)
        return Reply(body=b"x")

    return answer


@pytest.mark.parametrize("concurrency", [1, 7, 64])
def test_as_many_requests_as_allowed_are_in_flight(concurrency: int) -> None:
    with scripted_server(otherwise=answer_together(concurrency)) as server:
        place = http_place(server.url, replace(QUICK, concurrency=concurrency))
        asked = NAMES[: 64 // concurrency * concurrency]

        assert place.get(asked, 100) == [b"x"] * len(asked)
        assert server.most_at_once == concurrency


def test_threads_share_what_may_be_in_flight() -> None:
    with scripted_server(otherwise=answer_together(6)) as server:
        place = http_place(server.url, replace(QUICK, concurrency=6))
        threads = [threading.Thread(target=place.get, args=(NAMES[:63], 100)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert server.most_at_once == 6
        assert place.traffic().requests == 4 * 63


def test_connections_are_kept_between_batches() -> None:
    with scripted_server(otherwise=WHOLE) as server:
        place = http_place(server.url, replace(QUICK, concurrency=4))
        for _ in range(5):
            place.get(NAMES, 100)

        assert server.connections <= 4


def test_a_thousand_open_files_are_no_obstacle() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 2048)), hard))
    kept = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        with scripted_server(otherwise=Reply(body=b"x", after=0.2)) as server:
            place = http_place(server.url)
            began = time.process_time()

            assert place.get(["x"], 100) == [b"x"]
            assert time.process_time() - began < 0.15
    finally:
        for descriptor in kept:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class StoppedAfter(NeverStopped):
    """Somebody asks to stop some time from now."""

    def __init__(self, seconds: float) -> None:
        self.at = time.monotonic() + seconds

    def check(self) -> None:
        if time.monotonic() >= self.at:
            raise InterruptedRunError("SIGINT")


@pytest.mark.parametrize(
    "reply",
    [
        Reply(raw=b"", end=End.STALLED),
        Reply(body=b"cont", length=7, end=End.STALLED),
        Reply(503, headers={"Retry-After": "4"}),
    ],
    ids=["before an answer", "in an answer", "between attempts"],
)
def test_whoever_waits_for_the_network_is_stopped_soon(reply: Reply) -> None:
    with scripted_server(otherwise=reply) as server:
        stopper = StoppedAfter(0.15)
        place = http_place(server.url, stopper=stopper)

        with pytest.raises(InterruptedRunError):
            place.get(NAMES, 100)

        assert time.monotonic() - stopper.at < 1  # a tenth of a second, and a busy machine


def test_a_client_goes_on_after_a_batch_was_given_up() -> None:
    def answer(request: Received) -> Reply:
        return Reply(403) if request.target == "/bad" else Reply(body=b"x", after=0.01)

    with scripted_server(otherwise=answer) as server:
        client = http_client(server.url, replace(QUICK, concurrency=8))
        place = HttpPlace("web", server.url, client)
        for _ in range(3):
            with pytest.raises(StoreError):
                place.get(["bad", *NAMES], 100)

        assert place.get(NAMES, 100) == [b"x"] * 64
        assert client.budget.allowed == 8


def test_requests_a_second_are_paced() -> None:
    with scripted_server(otherwise=WHOLE) as server:
        place = http_place(server.url, replace(QUICK, requests_per_second=50.0))
        began = time.monotonic()
        place.get(NAMES[:26], 100)

        assert 0.35 < time.monotonic() - began < 10


def test_bytes_a_second_are_paced() -> None:
    with scripted_server(otherwise=Reply(body=bytes(10_000))) as server:
        place = http_place(server.url, replace(QUICK, bandwidth=400_000, concurrency=2))
        began = time.monotonic()
        place.get(NAMES[:20], 10_000)

        assert time.monotonic() - began > 0.3


@pytest.mark.parametrize("writing", [True, False])
def test_many_requests_at_once_are_paced_from_the_first(writing: bool) -> None:
    body, rate, count = bytes(16_000), 400_000, 40
    times: list[float] = []

    def answer(_: Received) -> Reply:
        times.append(time.monotonic())
        return Reply(body=b"" if writing else body)

    with scripted_server(otherwise=answer) as server:
        place = http_place(server.url, replace(QUICK, bandwidth=rate))
        if writing:
            place.put([(name, body) for name in NAMES[:count]], "application/zstd")
        else:
            place.get(NAMES[:count], 64_000)

    times.sort()
    most = max(sum(at <= one < at + 0.5 for one in times) for at in times)
    # Half a second, a tenth saved up, and what a busy machine answers together.
    assert most * len(body) <= rate * 0.6 + 4 * len(body)
    assert 1.4 < times[-1] - times[0] < 5.0


def exchange(url: str, credentials: Credentials, path: str = "/x") -> list[int]:
    def status(_: int, response: Response) -> int | Failure:
        return response.status

    client = http_client(url, credentials=credentials)
    return client.exchange("read", [Request("GET", url + path)] * 3, status)


def secrets_of(received: Sequence[Received]) -> list[str | None]:
    return [one.headers.get("authorization") for one in received]


def test_secret_headers_are_sent_as_they_are() -> None:
    credentials = Credentials(lambda: ["Authorization: Bearer abc", "Cookie: a=1; b=2"])
    with scripted_server(otherwise=WHOLE) as server:
        assert exchange(server.url, credentials) == [200] * 3

        assert secrets_of(server.received) == ["Bearer abc"] * 3
        assert {one.headers["cookie"] for one in server.received} == {"a=1; b=2"}


def test_refused_secrets_are_resolved_again_once() -> None:
    tokens = iter(["Authorization: old", "Authorization: new"])

    def answer(request: Received) -> Reply:
        return WHOLE if request.headers["authorization"] == "new" else Reply(401, after=0.02)

    with scripted_server(otherwise=answer) as server:
        assert exchange(server.url, Credentials(lambda: [next(tokens)])) == [200] * 3

        assert sorted(map(str, secrets_of(server.received))) == ["new"] * 3 + ["old"] * 3


@pytest.mark.parametrize("status", [401, 403])
def test_secrets_that_stay_the_same_are_refused_for_good(status: int) -> None:
    resolved = []

    def resolve() -> list[str]:
        resolved.append("x")
        return ["Authorization: same"]

    with scripted_server(otherwise=Reply(status)) as server:
        assert exchange(server.url, Credentials(resolve)) == [status] * 3

        assert len(server.received) == 3


def test_secrets_that_are_new_each_time_are_tried_twice_for_each_request() -> None:
    tokens = iter(range(1000))
    with scripted_server(otherwise=Reply(401)) as server:
        credentials = Credentials(lambda: [f"Authorization: {next(tokens)}"])

        assert exchange(server.url, credentials) == [401] * 3
        assert len(server.received) == 6


def test_a_secret_of_several_lines_is_refused_without_showing_it() -> None:
    credentials = Credentials(lambda: ["Authorization: abc\r\nHost: other"])
    with scripted_server(otherwise=WHOLE) as server:
        with pytest.raises(UsageError) as caught:
            exchange(server.url, credentials)

        assert (
            str(caught.value) == "the secret for the header 'Authorization' is more than one line"
        )
        assert server.received == []


def test_secrets_that_cannot_be_resolved_again_leave_room_for_the_next_requests() -> None:
    lines = iter([["Authorization: old"]])

    def resolve() -> list[str]:
        found = next(lines, None)
        if found is None:
            raise StoreError("there are no more")
        return found

    with scripted_server(Reply(401), otherwise=WHOLE) as server:
        client = http_client(
            server.url, replace(QUICK, concurrency=1), credentials=Credentials(resolve)
        )
        place = HttpPlace("web", server.url, client)
        with pytest.raises(StoreError, match="there are no more"):
            place.get(["x"], 100)

        assert place.get(["x"], 100) == [b"content"]


def test_headers_are_told_where_wanted_and_several_of_a_name_together() -> None:
    def headers(_: int, response: Response) -> dict[str, str]:
        return response.headers

    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-A: 1\r\nx-b: 2\r\nX-A: 3\r\n\r\n"
    with scripted_server(otherwise=Reply(raw=raw)) as server:
        requests = [Request("GET", server.url, keep_headers=True), Request("GET", server.url)]

        assert http_client(server.url).exchange("read", requests, headers) == [
            {"content-length": "0", "x-a": "1, 3", "x-b": "2"},
            {},
        ]


def test_a_refusal_says_whether_a_redirect_led_to_it() -> None:
    def redirected(_: int, response: Response) -> bool:
        return response.redirected

    moved = Reply(302, headers={"Location": "/there"})
    with scripted_server(
        otherwise=lambda one: moved if one.target == "/x" else Reply(401)
    ) as server:
        requests = [Request("GET", f"{server.url}/{path}") for path in ("x", "y")]

        assert http_client(server.url).exchange("read", requests, redirected) == [True, False]


SECRETS = Credentials(lambda: ["Authorization: Bearer abc", "Cookie: a=1"])


def test_redirects_to_the_same_server_keep_secrets() -> None:
    moved = Reply(302, headers={"Location": "/there"})
    with scripted_server(otherwise=lambda one: moved if one.target == "/x" else WHOLE) as server:
        assert exchange(server.url, SECRETS) == [200] * 3

        there = [one for one in server.received if one.target == "/there"]
        assert secrets_of(there) == ["Bearer abc"] * 3


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_redirects_to_another_server_carry_no_secrets(status: int, host: str) -> None:
    with scripted_server(otherwise=WHOLE) as other:
        location = f"http://{host}:{other.port}/there"
        moved = Reply(status, headers={"Location": location})
        with scripted_server(otherwise=moved) as server:
            assert exchange(server.url, SECRETS) == [200] * 3

            assert secrets_of(server.received) == ["Bearer abc"] * 3
        assert secrets_of(other.received) == [None] * 3
        assert ["cookie" in one.headers for one in other.received] == [False] * 3
        assert {one.target for one in other.received} == {"/there"}


@pytest.mark.parametrize("location", ["file:///etc/hostname", "ftp://127.0.0.1/x", "gopher://a/"])
def test_redirects_lead_to_http_alone(location: str) -> None:
    with scripted_server(otherwise=Reply(302, headers={"Location": location})) as server:
        with pytest.raises(StoreError, match=r"\(curl 1\)$"):
            http_place(server.url).get(["x"], 1000)

        assert len(server.received) == 1


def test_redirects_in_a_ring_end() -> None:
    with scripted_server(otherwise=Reply(302, headers={"Location": "/x"})) as server:
        with pytest.raises(StoreError, match=r"\(curl 47\)$"):
            http_place(server.url).get(["x"], 1000)

        assert len(server.received) == 11


def test_headers_are_kept_where_they_are_wanted() -> None:
    reply = Reply(body=b"x", headers={"X-Colour": "blue", "x-other": "1"})
    moved = Reply(302, headers={"Location": "/y", "X-First": "1"})
    with scripted_server(moved, reply, reply) as server:
        requests = [Request("GET", f"{server.url}/x", keep_headers=keep) for keep in (True, False)]
        client = http_client(server.url, replace(QUICK, concurrency=1))

        kept, dropped = client.exchange("read", requests, lambda _, response: response)

        assert kept.headers == {"content-length": "1", "x-colour": "blue", "x-other": "1"}
        assert dropped.headers == {}


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted_server(otherwise=WHOLE) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert http_place("http://store.example/base").get(["x"], 100) == [b"content"]

        assert proxy.received[0].target == "http://store.example/base/x"
        assert proxy.received[0].headers["host"] == "store.example"
