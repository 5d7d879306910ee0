"""Operations whose store answers badly: for a while, which is outlived, or for ever."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.servers.certificates import Authority
from tests.servers.scripted import End, Received, Reply, scripted_server
from tests.servers.web import Spoil, Web
from tests.vectors.inputs import ctr
from tests.workspace import SMALL, Ended, Workspace, chunk_files

UNIQUE = ctr(300_000, b"unique") + bytes(200_000) + b"end"
"""Without chunks that repeat, but for zeros."""
OLD = b"what was here before"
QUICK = {"attempts": 3, "backoff": "1ms", "backoff_max": "3s", "timeout": "1s"}
OTHER_CHUNK = ctr(5000, b"other")

Change: TypeAlias = Callable[[Reply], Reply]


def short(right: Reply) -> Reply:
    return replace(right, body=right.body[: len(right.body) // 2])


def cut_by(end: End) -> Change:
    return lambda right: replace(short(right), length=len(right.body), end=end)


def busy(status: int, retry_after: str | None = None) -> Change:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return lambda _: Reply(status, headers=headers)


def content(body: bytes) -> Change:
    return lambda _: Reply(body=body)


def flipped(right: Reply) -> Reply:
    return replace(right, body=right.body[:-1] + bytes([right.body[-1] ^ 1]))


# What is wrong with an answer, and what a run says that never gets another one.
FAULTS: Mapping[str, tuple[Change, str]] = {
    "reset in the body": (cut_by(End.RESET), "(curl "),
    "closed in the body": (cut_by(End.CLOSED), "(curl 18)"),
    "reset at once": (lambda _: Reply(raw=b"", end=End.RESET), "(curl "),
    "stalled in the body": (cut_by(End.STALLED), "(curl 28)"),
    "stalled at once": (lambda _: Reply(raw=b"", end=End.STALLED), "(curl 28)"),
    "slow drip": (lambda right: replace(right, drip=0.05), "(curl 28)"),
    "no HTTP": (lambda _: Reply(raw=b"\0\1\r\n\r\n", end=End.CLOSED), "(curl "),
    "overload": (busy(503), "HTTP 503 Service Unavailable"),
    "overload for a second": (busy(429, "1"), "HTTP 429 Too Many Requests"),
    "overload until a date long ago": (
        busy(429, formatdate(0, usegmt=True)),
        "HTTP 429 Too Many Requests",
    ),
    "overload until no date": (busy(503, "soon, perhaps"), "HTTP 503 Service Unavailable"),
    "gateway": (busy(502), "HTTP 502 Bad Gateway"),
}
# What arrives whole and is not the chunk, and why it is invalid then.
WRONG: Mapping[str, tuple[Change, str]] = {
    "short": (short, ""),
    "flipped": (flipped, ""),
    "another chunk": (content(OTHER_CHUNK), "it is neither zstd nor xz nor gzip"),
    "garbage": (content(b"<html>Please log in</html>"), "it is neither zstd nor xz nor gzip"),
    "empty": (content(b""), "it is empty"),
}
SLOW = {"stalled in the body", "stalled at once", "slow drip", "overload for a second"}

OPERATIONS: Mapping[str, Mapping[str, Any]] = {
    "extract": {"index": "blob.caibx", "target": "out", "stores": ["web"]},
    "cat": {"index": "blob.caibx", "output": "out", "stores": ["web"]},
    "cache": {"indexes": ["blob.caibx"], "stores": ["web"], "cache": "near"},
}


@contextmanager
def served(workspace: Workspace, spoil: Spoil, **policy: object) -> Iterator[Web]:
    """Serve the directory `store` as the store `web`."""
    web = Web(workspace / "store", spoil)
    with scripted_server(otherwise=web) as server:
        workspace.places["web"] = {"url": server.url, "policy": {**QUICK, **policy}}
        yield web


def once(change: Change, every: int = 1) -> Spoil:
    """Spoil the first answer for every so many-th chunk, by its name."""

    def spoil(request: Received, right: Reply, turn: int) -> Reply | None:
        number = int(request.target.rpartition("/")[2].partition(".")[0][:4], 16)
        return None if turn or number % every else change(right)

    return spoil


def always(change: Change, name: str) -> Spoil:
    """Spoil every answer for one file."""
    return lambda request, right, _: change(right) if name in request.target else None


@pytest.fixture
def made(workspace: Workspace) -> Workspace:
    """An index of UNIQUE, with chunks in the directory `store`, and something else at `out`."""
    workspace.make("blob", UNIQUE)
    (workspace / "out").write_bytes(OLD)
    return workspace


def outcome_of(kind: str, workspace: Workspace) -> object:
    """Return what an operation has made, comparable with `right`."""
    return chunk_files(workspace / "near") if kind == "cache" else (workspace / "out").read_bytes()


@pytest.mark.parametrize("name", [*FAULTS, *WRONG])
@pytest.mark.parametrize("kind", OPERATIONS)
def test_what_is_bad_for_a_while_is_outlived_and_counted(
    made: Workspace, kind: str, name: str
) -> None:
    change, _ = {**FAULTS, **WRONG}[name]
    every = 20 if name in SLOW else 2
    with served(made, once(change, every)) as web:
        ended = made.do(kind, **OPERATIONS[kind])

    right = chunk_files(made / "store") if kind == "cache" else UNIQUE
    assert ended.summary == (0, "done"), ended.message
    assert outcome_of(kind, made) == right
    retries = ended.statistics["stores"]["web"]["retries"]
    # Of its own accord libcurl repeats a request once on a kept connection that was closed.
    assert 0 < retries <= web.repeated if name == "reset at once" else retries == web.repeated > 0
    assert ended.statistics["stores"]["web"]["requests"] == len(web.asked)


@pytest.mark.parametrize("name", [*FAULTS, *WRONG])
@pytest.mark.parametrize("kind", OPERATIONS)
def test_what_stays_bad_is_one_error_and_not_one_wrong_byte(
    made: Workspace, kind: str, name: str
) -> None:
    change, said = {**FAULTS, **WRONG}[name]
    chunk = made.index("blob.caibx").id(3).hex()
    with served(made, always(change, chunk), attempts=2, timeout="300ms") as web:
        ended = made.do(kind, **OPERATIONS[kind])

    store = chunk_files(made / "store")
    kept = chunk_files(made / "near") if kind == "cache" else {}
    assert ended.summary == (1 if name in FAULTS else 4, "failed")
    assert chunk in ended.message
    assert "store web: " in ended.message
    assert said in ended.message
    assert "\n" not in ended.message
    assert (made / "out").read_bytes() == OLD
    assert kept.items() <= store.items()
    (asked,) = (count for what, count in web.asked.items() if chunk in what)
    assert asked >= 2 if name == "reset at once" else asked == 2


def test_a_body_without_end_is_not_taken_in(made: Workspace) -> None:
    chunk = made.index("blob.caibx").id(3).hex()
    endless = Reply(body=bytes(1 << 16), length=1 << 50, endless=True)
    with served(made, always(lambda _: endless, chunk)) as web:
        ended = made.do("extract", **OPERATIONS["extract"])

    limit = made.index("blob.caibx").largest
    assert ended.summary == (4, "failed")
    assert f"store web: chunk {chunk} is invalid: it has {1 << 50} bytes" in ended.message
    assert int(ended.message.split()[-1]) < 2 * limit + (64 << 10)
    assert [count for what, count in web.asked.items() if chunk in what] == [1]


@pytest.mark.parametrize("name", [name for name in FAULTS if name != "no HTTP"])
def test_what_is_written_arrives_whole_however_often_it_has_to_be_sent(
    made: Workspace, name: str
) -> None:
    change, _ = FAULTS[name]
    every = 20 if name in SLOW else 2
    right = chunk_files(made / "store")
    web = Web(made / "remote", once(change, every))
    (made / "new.caibx").write_bytes(b"old")
    with scripted_server(otherwise=web) as server:
        made.places["web"] = {"url": server.url, "policy": QUICK}
        chopped = made.do("chop", index="blob.caibx", blob="blob", store="web")
        again = made.do("make", index="new.caibx", blob="blob", store="web", chunk_size=SMALL)

    assert chopped.summary == (0, "done"), chopped.message
    assert again.result.exit_code == 0, again.message
    assert chunk_files(made / "remote") == right
    assert (made / "new.caibx").read_bytes() == (made / "blob.caibx").read_bytes()
    assert web.repeated > 0


@pytest.mark.parametrize("method", ["HEAD", "PUT"])
def test_an_index_is_not_written_where_a_chunk_could_not_be(made: Workspace, method: str) -> None:
    def spoil(request: Received, right: Reply, turn: int) -> Reply | None:
        del right, turn
        bad = request.method == method and "7" in request.target.rpartition("/")[2][:6]
        return Reply(500, b"disk full\n") if bad else None

    (made / "new.caibx").write_bytes(b"old")
    with scripted_server(otherwise=Web(made / "remote", spoil)) as server:
        made.places["web"] = {"url": server.url, "policy": QUICK}
        ended = made.do("make", index="new.caibx", blob="blob", store="web", chunk_size=SMALL)
        chopped = made.do("chop", index="blob.caibx", blob="blob", store="web")

    verb = "look for" if method == "HEAD" else "write"
    assert ended.summary == chopped.summary == (1, "failed")
    assert ended.message.startswith(f"store web: cannot {verb} {server.url}/")
    assert "HTTP 500 Internal Server Error" in ended.message
    assert ended.message.endswith("(attempt 3 of 3)")
    assert (made / "new.caibx").read_bytes() == b"old"


# Who is asked whether it has chunks, and cannot tell, has not said no.
@pytest.mark.parametrize("kind", ["info", "inspect-chunks"])
def test_a_store_that_cannot_tell_is_not_counted_as_one_without(made: Workspace, kind: str) -> None:
    fields = {"stores": ["web"]} if kind == "info" else {"store": "web"}
    with served(made, lambda *_: Reply(503)):
        ended = made.do(kind, index="blob.caibx", output="out", **fields)

    assert ended.summary == (1, "failed")
    assert "web" in ended.message
    assert (made / "out").read_bytes() == OLD


def test_a_store_that_stumbles_is_counted_right(made: Workspace) -> None:
    with served(made, once(busy(503), 2)) as web:
        ended = made.do("info", index="blob.caibx", output="out", stores=["web"])

    assert ended.summary == (0, "done"), ended.message
    assert ended.statistics["in-store"] == ended.statistics["unique"] == len(web.asked)
    assert web.repeated > 0


def test_a_server_that_asks_for_an_hour_is_given_up_at_once(made: Workspace) -> None:
    with served(made, lambda *_: busy(429, "3600")(Reply())) as web:
        ended = made.do("extract", **OPERATIONS["extract"])

    assert ended.summary == (1, "failed")
    assert ended.message.endswith("(it asks to come back in 3600 s, and waiting is limited to 3 s)")
    assert web.repeated == 0


def test_the_deadline_of_a_batch_is_kept(made: Workspace) -> None:
    with served(made, lambda *_: Reply(503), attempts=100, deadline="400ms", backoff="50ms"):
        ended = made.do("extract", **OPERATIONS["extract"])

    assert ended.summary == (1, "failed")
    assert ended.message.startswith("store web: cannot read ")
    assert "0.4 s" in ended.message
    assert ended.only.seconds < 3


def test_redirects_without_end_are_one_error(made: Workspace) -> None:
    with served(made, lambda *_: Reply(302, headers={"Location": "/x"})) as web:
        ended = made.do("extract", **OPERATIONS["extract"])

    assert ended.summary == (1, "failed")
    assert ended.message.endswith("(curl 47)")
    assert 0 < web.asked.pop("GET /x") <= 10 * web.asked.total()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_redirect_to_another_server_is_followed_without_secrets(
    made: Workspace, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("TOKEN", "Bearer hunter2")
    with scripted_server(otherwise=Web(made / "store")) as other:
        elsewhere = f"http://{host}:{other.port}"

        def answer(request: Received) -> Reply:
            return Reply(302, headers={"Location": elsewhere + request.target})

        with scripted_server(otherwise=answer) as server:
            secret = {"env": "TOKEN"}
            made.places["web"] = {"url": server.url, "http_auth": secret, "http_cookie": secret}
            ended = made.do("extract", **OPERATIONS["extract"])

    assert ended.summary == (0, "done"), ended.message
    assert (made / "out").read_bytes() == UNIQUE
    assert {one.headers.get("authorization") for one in server.received} == {"Bearer hunter2"}
    assert all("hunter2" not in str(one.headers) for one in other.received)


@pytest.mark.parametrize("change", [cut_by(End.RESET), cut_by(End.CLOSED), busy(503)])
def test_an_index_that_does_not_arrive_whole_is_read_again(made: Workspace, change: Change) -> None:
    (made / "store" / "x.caibx").write_bytes((made / "blob.caibx").read_bytes())
    with served(made, lambda _, right, turn: None if turn else change(right)) as web:
        url = f"{made.places['web']['url']}/x.caibx"
        ended = made.do("list-chunks", index=url)

    assert ended.summary == (0, "done"), ended.message
    assert ended.output.count(b"\n") == len(made.index("blob.caibx"))
    assert web.asked == {"GET /x.caibx": 2}


@pytest.mark.parametrize("body", [b"", b"<html></html>", UNIQUE[:4096]])
def test_what_is_no_index_is_no_index(made: Workspace, body: bytes) -> None:
    with served(made, lambda *_: Reply(body=body)):
        url = f"{made.places['web']['url']}/x.caibx"
        ended: Ended = made.do("extract", **{**OPERATIONS["extract"], "index": url})

    assert ended.summary == (4, "failed")
    assert ended.message.startswith(f"{url}: ")
    assert (made / "out").read_bytes() == OLD


CERTIFICATES: Mapping[str, tuple[str, int, str]] = {
    # The host it is for, the days it has left, and what is said.
    "expired": ("localhost", -1, "certificate has expired"),
    "of another host": ("other.example", 1, "no alternative certificate subject name matches"),
    "of nobody known": ("localhost", 1, "unable to get local issuer certificate"),
}


@pytest.mark.parametrize("name", CERTIFICATES)
def test_a_certificate_that_is_not_right_ends_a_run_before_anything_is_asked(
    made: Workspace, tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    host, days, said = CERTIFICATES[name]
    folder = tmp_path_factory.mktemp("tls")
    authority, stranger = Authority(folder / "ours"), Authority(folder / "strange")
    known = stranger if name == "of nobody known" else authority
    web = Web(made / "store")
    with scripted_server(otherwise=web, tls=authority.server(host, days=days)) as server:
        made.places["web"] = {"url": server.url, "policy": QUICK, "tls": {"ca": known.file}}
        ended = made.do("extract", **OPERATIONS["extract"])

    assert ended.summary == (1, "failed")
    assert ended.message.startswith(f"store web: cannot read {server.url}/")
    assert said in ended.message
    assert ended.message.endswith("(curl 60)")
    assert web.asked.total() == 0
    assert (made / "out").read_bytes() == OLD


def test_nothing_of_a_path_is_taken_from_a_server(made: Workspace, tmp_path: Path) -> None:
    listing = Reply(body=b"", headers={"Content-Disposition": "attachment; filename=../../out"})
    before = {path.name for path in tmp_path.iterdir()}
    with served(made, lambda *_: listing):
        made.do("extract", **OPERATIONS["extract"])

    assert {path.name for path in tmp_path.iterdir() if path.name[0] != "."} == before
