import hashlib

import pytest

from tests.blobs import NAMES, blob
from tests.workspace import SMALL, How, Workspace, stamp

FIRST = blob("first")


def rows_of(output: bytes) -> list[tuple[int, int, str]]:
    rows = [line.split("\t") for line in output.decode("ascii").splitlines()]
    return [(int(start), int(length), digest) for start, length, digest in rows]


@pytest.mark.parametrize("name", [*NAMES, "first"])
@pytest.mark.parametrize("workers", [1, 5])
@pytest.mark.parametrize("digest", ["sha512-256", "sha256"])
def test_the_list_is_the_index_of_the_blob(
    workspace: Workspace, name: str, workers: int, digest: str
) -> None:
    index = workspace.make("blob", blob(name), store=None, digest=digest)
    ended = workspace.do(
        "chunk", How(workers=workers), blob="blob", chunk_size=SMALL, digest=digest
    )
    rows = rows_of(ended.output)

    assert ended.result.exit_code == 0
    assert rows == [
        (index.start(at), index.length(at), index.id(at).hex()) for at in range(len(index))
    ]
    assert ended.statistics == {"bytes": len(blob(name)), "chunks": len(index)}


def test_a_line_is_start_length_and_id_separated_by_tabs(workspace: Workspace) -> None:
    (workspace / "blob").write_bytes(b"abc")
    ended = workspace.do("chunk", blob="blob")

    assert (
        ended.output == b"0\t3\t" + hashlib.new("sha512_256", b"abc").hexdigest().encode() + b"\n"
    )


def test_zeros_are_cut_at_the_maximum(workspace: Workspace) -> None:
    (workspace / "blob").write_bytes(bytes(1_000_000))
    rows = rows_of(workspace.do("chunk", blob="blob").output)

    assert [length for _, length, _ in rows] == [262144, 262144, 262144, 213568]
    assert {digest for _, _, digest in rows} == {
        "1c8109946feed9f9e9fe4b5144d90f05a50fb3275e848cb72f4b9546d8c533f2",
        "4c2f82ddb5389f4cccd3e44d45d13d2fbcff8732aae271da9a0cc996afa5353e",
    }


def test_an_empty_blob_prints_nothing(workspace: Workspace) -> None:
    (workspace / "blob").write_bytes(b"")
    ended = workspace.do("chunk", blob="blob")

    assert (ended.result.exit_code, ended.output) == (0, b"")
    assert ended.statistics == {"bytes": 0, "chunks": 0}


@pytest.mark.parametrize("start", [0, 1, 100_000, len(FIRST) - 1, len(FIRST)])
@pytest.mark.parametrize("source", ["file", "pipe"])
def test_cutting_begins_anywhere_and_counts_from_the_beginning(
    workspace: Workspace, start: int, source: str
) -> None:
    (workspace / "blob").write_bytes(FIRST)
    workspace.make("rest", FIRST[start:], store=None)
    index = workspace.index("rest.caibx")
    how = How(given=FIRST if source == "pipe" else None)
    ended = workspace.do(
        "chunk", how, blob="-" if source == "pipe" else "blob", start=start, chunk_size=SMALL
    )

    assert ended.result.exit_code == 0
    assert rows_of(ended.output) == [
        (start + index.start(at), index.length(at), index.id(at).hex()) for at in range(len(index))
    ]


def test_a_start_past_the_end_is_refused(workspace: Workspace) -> None:
    (workspace / "blob").write_bytes(b"abc")
    file = workspace.do("chunk", blob="blob", start=4)
    pipe = workspace.do("chunk", How(given=b"abc"), blob="-", start=4)

    assert file.summary == (64, "failed")
    assert file.message == (f"start 4 is past the end of {workspace.path}/blob, which has 3 bytes")
    assert pipe.summary == (1, "failed")
    assert pipe.message.endswith("the stream ends before the start asked for")
    assert file.output == pipe.output == b""


def test_older_desync_cuts_elsewhere(workspace: Workspace) -> None:
    (workspace / "blob").write_bytes(FIRST)
    casync, desync = (
        workspace.do("chunk", blob="blob", chunk_size="4KiB:4KiB:16KiB", cut=cut).output
        for cut in ("casync", "desync-1.0")
    )

    assert casync != desync
    assert sum(length for _, length, _ in rows_of(desync)) == len(FIRST)


def test_an_output_that_is_the_same_is_left_alone(workspace: Workspace) -> None:
    (workspace / "blob").write_bytes(FIRST)
    first = workspace.do("chunk", blob="blob", output="list")
    before = stamp(workspace / "list")
    second = workspace.do("chunk", blob="blob", output="list")
    printed = workspace.do("chunk", blob="blob")

    assert (first.summary, second.summary) == ((0, "done"), (0, "unchanged"))
    assert stamp(workspace / "list") == before
    assert (workspace / "list").read_bytes() == printed.output


def test_an_output_survives_a_failure(workspace: Workspace) -> None:
    (workspace / "list").write_bytes(b"what is there")
    ended = workspace.do("chunk", blob="absent", output="list")
    pipe = workspace.do("chunk", How(given=b"abc"), blob="-", start=4, output="list")

    assert (ended.summary, pipe.summary) == ((1, "failed"), (1, "failed"))
    assert (workspace / "list").read_bytes() == b"what is there"


def test_the_output_is_never_the_blob(workspace: Workspace) -> None:
    (workspace / "blob").write_bytes(FIRST)
    (workspace / "link").symlink_to("blob")
    ended = workspace.do("chunk", blob="blob", output="link")

    assert ended.summary == (64, "failed")
    assert (workspace / "blob").read_bytes() == FIRST
