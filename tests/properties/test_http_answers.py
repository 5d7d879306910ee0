"""Whatever a server sends, a client answers or says what is wrong with the store; it never crashes.

FUZZ_EXAMPLES sets how many answers are tried in each test, 60 unless said; `just fuzz` has many.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import cycle

import pytest
import zstandard
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.core.digest import digest_many
from desync_jobs.core.kernel import best
from desync_jobs.errors import ChunkInvalidError, ChunkMissingError, InvalidDataError, StoreError
from desync_jobs.formats.index import parse_index
from desync_jobs.stores.base import Chunk
from desync_jobs.stores.objects.base import TooLarge
from desync_jobs.stores.objects.indexes import read_index_object, write_index_object
from tests.servers.http_places import QUICK, http_place, http_store
from tests.servers.scripted import End, Reply, ScriptedServer, scripted_server

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
LIMIT = 1000
HASTY = replace(QUICK, attempts=2, timeout=0.2, backoff_max=0.01)
PLAIN = b"plain bytes of one chunk, of no great length"
COMPRESSED = zstandard.compress(PLAIN)
(ID,) = digest_many(best(), DigestAlgorithm.SHA512_256, [PLAIN])

values = st.one_of(
    st.sampled_from(["0", "-1", "7", "99999999999999999999", "1e9", "gzip", "chunked", "bytes"]),
    st.sampled_from(["/x", "//", "http://", "file:///etc/passwd", "?", "", "\x00", "a" * 70_000]),
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=20),
)
names = st.sampled_from(
    [
        "Content-Length",
        "Transfer-Encoding",
        "Content-Encoding",
        "Content-Range",
        "Retry-After",
        "Location",
        "Connection",
        "Set-Cookie",
        "WWW-Authenticate",
        "Alt-Svc",
        "Upgrade",
        "",
        "X",
    ]
)
lines = st.one_of(
    st.tuples(names, values).map(lambda pair: f"{pair[0]}: {pair[1]}".encode("latin-1")),
    st.binary(max_size=30),
)
first_lines = st.one_of(
    st.integers(100, 999).map(lambda status: f"HTTP/1.1 {status} X".encode()),
    st.sampled_from([b"HTTP/1.1 200 OK", b"HTTP/1.0 200", b"HTTP/2 200", b"HTTP/1.1 99999", b""]),
    st.binary(max_size=20),
)
bodies = st.one_of(
    st.just(PLAIN),
    st.just(COMPRESSED),
    st.just(zstandard.compress(bytes(10 << 20))),
    st.just(bytes(2 * LIMIT)),
    st.binary(max_size=60),
    st.binary(max_size=40).map(lambda rest: COMPRESSED[:20] + rest),
)


@st.composite
def replies(draw: st.DrawFn) -> Reply:
    """Draw one answer: bytes of any kind, or something like HTTP with any headers and body."""
    end = draw(st.sampled_from([End.CLOSED, End.CLOSED, End.RESET]))
    body = draw(bodies)
    if draw(st.booleans()):
        return Reply(draw(st.integers(100, 999)), body, end=end)
    head = b"\r\n".join([draw(first_lines), *draw(st.lists(lines, max_size=5)), b"", b""])
    return Reply(raw=head + body, end=end)


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as running:
        yield running


def answer_with(server: ScriptedServer, script: Sequence[Reply]) -> None:
    """Have the server answer with `script` in turn, over and over."""
    turns = cycle(script)
    server.otherwise = lambda _: next(turns)


scripts = st.lists(replies(), min_size=1, max_size=4)
fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


COLOURED = Reply(
    raw=b"HTTP/1.1 200 X\r\nTransfer-Encoding: \x1b[31mred\x7f\r\n\r\nbody", end=End.CLOSED
)


@fuzzed
@example([COLOURED])
@given(scripts)
def test_a_place_answers_or_says_that_it_cannot(
    server: ScriptedServer, script: Sequence[Reply]
) -> None:
    answer_with(server, script)
    place = http_place(server.url, HASTY)
    said = ""
    contents: list[bytes | TooLarge | None] = []
    sizes: list[int | None] = []
    try:
        contents = place.get(["a", "b/c"], LIMIT)
        sizes = place.sizes(["a", "b/c"])
        place.put([("a", PLAIN)], "text/plain")
        place.delete(["a"])
    except StoreError as error:
        said = str(error)

    assert not said or said.startswith("store web: cannot ")
    assert said.isprintable()
    for content in contents:
        assert content is None or isinstance(content, TooLarge) or len(content) <= LIMIT
    assert all(size is None or size >= -1 for size in sizes)


@fuzzed
@given(scripts)
def test_a_store_gives_the_right_chunk_or_none(
    server: ScriptedServer, script: Sequence[Reply]
) -> None:
    answer_with(server, script)
    store = http_store(server.url, policy=HASTY)
    found = store.presence([ID])
    try:
        (answer,) = store.fetch([ID])
    except StoreError:
        return
    assert len(found) == 1
    if isinstance(answer, Chunk):
        assert bytes(answer.plain) == PLAIN
    else:
        assert isinstance(answer, ChunkMissingError | ChunkInvalidError)


@fuzzed
@given(scripts)
def test_an_index_is_written_whole_or_not_at_all_for_all_a_server_says(
    server: ScriptedServer, script: Sequence[Reply]
) -> None:
    answer_with(server, script)
    place = http_place(server.url, HASTY)
    try:
        write_index_object(place, "x.caibx", PLAIN)
        data = read_index_object(place, "x.caibx", LIMIT)
        if data is not None:
            parse_index(data, "x.caibx")
    except (StoreError, InvalidDataError):
        return
