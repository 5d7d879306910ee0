from collections.abc import Callable
from subprocess import CompletedProcess

import pytest

from desync_jobs.formats import wire
from desync_jobs.formats.index import Index
from desync_jobs.formats.wire import (
    Abort,
    ChunkAbsent,
    ChunkData,
    Feature,
    Fragment,
    Hello,
    Message,
    MessageType,
)
from tests.blobs import blob
from tests.workspace import Workspace, ids_of

WANTS = wire.hello(Feature.PULL_CHUNKS)
Run = Callable[..., CompletedProcess[bytes]]


@pytest.fixture
def made(workspace: Workspace) -> Index:
    return workspace.make("blob", blob("first"))


def messages(output: bytes) -> list[Message]:
    """Take what was served apart."""
    found = []
    while output:
        kind, size = wire.parse_frame_header(output[: wire.HEADER_SIZE])
        end = wire.HEADER_SIZE + size
        found.append(wire.parse_body(kind, output[wire.HEADER_SIZE : end]))
        output = output[end:]
    return found


def test_a_client_gets_every_chunk_it_asks_for(made: Index, desync_run: Run) -> None:
    ids = list(dict.fromkeys(ids_of(made)))
    given = WANTS + wire.request([*ids, bytes(32)]) + wire.goodbye()
    ended = desync_run("pull", "-", "-", "-", "store", given=given)
    hello, *answers = messages(ended.stdout)

    assert (ended.returncode, ended.stderr) == (0, b"")
    assert hello == Hello(Feature.READABLE_STORE)
    assert [one.id for one in answers if isinstance(one, ChunkData)] == ids
    assert answers[-1] == ChunkAbsent(bytes(32))


def test_a_client_that_wants_the_index_gets_it(
    workspace: Workspace, made: Index, desync_run: Run
) -> None:
    del made
    given = wire.hello(Feature.PULL_CHUNKS | Feature.PULL_INDEX)
    ended = desync_run("pull", "-", "-", "blob.caibx", "store", given=given)
    hello, *parts = messages(ended.stdout)

    assert hello == Hello(Feature.READABLE_STORE | Feature.READABLE_INDEX)
    assert b"".join(one.data for one in parts if isinstance(one, Fragment)) == (
        (workspace / "blob.caibx").read_bytes()
    )
    assert parts[-1] == Fragment(MessageType.INDEX_EOF, b"")


def test_what_is_served_goes_through_the_cache(
    workspace: Workspace, made: Index, desync_run: Run
) -> None:
    given = WANTS + wire.request(ids_of(made)[:1])
    ended = desync_run(
        "pull", "--log-level=7", "-", "-", "-", "nothing", "store", "-c", "cache", given=given
    )

    assert ended.returncode == 1, "the first store does not exist"
    (workspace / "nothing").mkdir()
    ended = desync_run("pull", "-", "-", "-", "nothing", "store", "-c", "cache", given=given)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert len(list((workspace / "cache").glob("*/*"))) == 1


def test_a_client_that_breaks_the_protocol_is_an_error(made: Index, desync_run: Run) -> None:
    del made
    ended = desync_run("pull", "-", "-", "-", "store", given=b"GET / HTTP/1.1\r\n\r\n")
    message = messages(ended.stdout)[-1]

    assert ended.returncode == 4
    assert isinstance(message, Abort)
    assert ended.stderr.decode() == f"desync-run: {message.reason}\n"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("-", "-", "-", "nowhere"), 1, "nowhere is not a directory"),
        (("-", "-", "none.caibx", "store"), 5, "none.caibx: index does not exist"),
        (("/", "-", "-", "store"), 64, "the BASE given should be '-'"),
        (("-", "a.catar", "-", "store"), 64, "the ARCHIVE given should be '-'"),
        (("-", "-", "-"), 64, "missing argument 'STORE"),
    ],
)
def test_what_cannot_be_served_is_told_before_a_word_of_the_protocol(
    made: Index, desync_run: Run, arguments: tuple[str, ...], code: int, message: str
) -> None:
    del made
    ended = desync_run("pull", *arguments, given=WANTS)

    assert (ended.returncode, ended.stdout) == (code, b"")
    assert message in ended.stderr.decode()
