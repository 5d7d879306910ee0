from typing import Any

import pytest

from desync_jobs.formats.index import Index
from tests.blobs import NAMES, blob
from tests.workspace import How, Workspace, chunk_file, chunk_files, ids_of, overwrite, stamp

FIRST = blob("first")


@pytest.fixture
def made(workspace: Workspace) -> Index:
    """The index of `blob`, whose chunks are in `store`."""
    return workspace.make("blob", FIRST)


@pytest.mark.parametrize("name", [*NAMES, "first"])
@pytest.mark.parametrize("workers", [1, 5])
def test_a_whole_blob_goes_to_standard_output(
    workspace: Workspace, name: str, workers: int
) -> None:
    index = workspace.make("blob", blob(name))
    ended = workspace.do("cat", How(workers=workers), index="blob.caibx", stores=["store"])

    assert ended.result.exit_code == 0
    assert ended.output == blob(name)
    assert ended.statistics["bytes"] == len(blob(name))
    assert ended.statistics["chunks"] == len(index)


@pytest.mark.parametrize(
    ("offset", "length"),
    [
        (1024, None),
        (1024, 2048),
        (0, 0),
        (0, 1),
        (len(FIRST) - 1, 1),
        (len(FIRST) - 1, None),
        (len(FIRST), None),
        (len(FIRST), 0),
        (0, len(FIRST)),
        (160_000, 180_000),
        ("1 KiB", "100 KiB"),
    ],
)
def test_a_range_of_a_blob(
    workspace: Workspace, made: Index, offset: int | str, length: int | str | None
) -> None:
    del made
    ended = workspace.do("cat", index="blob.caibx", stores=["store"], offset=offset, length=length)
    begin = 1024 if offset == "1 KiB" else int(offset)
    end = (
        len(FIRST) if length is None else begin + (102_400 if length == "100 KiB" else int(length))
    )

    assert ended.result.exit_code == 0
    assert ended.output == FIRST[begin:end]
    assert ended.statistics["bytes"] == end - begin


def test_ranges_around_every_cut(workspace: Workspace, made: Index) -> None:
    for at in range(len(made)):
        begin, end = max(made.end(at) - 1, 0), min(made.end(at) + 1, len(FIRST))
        ended = workspace.do(
            "cat", index="blob.caibx", stores=["store"], offset=begin, length=end - begin
        )
        assert ended.output == FIRST[begin:end]
        assert ended.statistics["chunks"] == (2 if end > made.end(at) else 1)
        whole = workspace.do(
            "cat",
            index="blob.caibx",
            stores=["store"],
            offset=made.start(at),
            length=made.length(at),
        )
        assert whole.output == FIRST[made.start(at) : made.end(at)]
        assert whole.statistics["chunks"] == 1


def test_only_the_chunks_of_the_range_are_needed(workspace: Workspace, made: Index) -> None:
    workspace.do("cache", indexes=["blob.caibx"], stores=["store"], cache="some")
    needed = {made.id(at) for at in (30, 31)}
    for chunk_id in set(ids_of(made)) - needed:
        chunk_file(workspace / "some", chunk_id).unlink()
    fields = {"index": "blob.caibx", "stores": ["some"], "offset": made.start(30)}
    inside = workspace.do("cat", length=made.end(31) - made.start(30), **fields)
    beyond = workspace.do("cat", length=made.end(31) - made.start(30) + 1, **fields)

    assert inside.result.exit_code == 0
    assert inside.output == FIRST[made.start(30) : made.end(31)]
    assert beyond.result.exit_code == 5


def test_zero_chunks_need_no_store(workspace: Workspace) -> None:
    data = blob("zero-heavy")
    index = workspace.make("blob", data)
    zeros = {index.id(at) for at in range(len(index)) if index.length(at) == 32768} & {
        index.id(at) for at in range(len(index)) if not any(data[index.start(at) : index.end(at)])
    }
    for chunk_id in zeros:
        chunk_file(workspace / "store", chunk_id).unlink()
    ended = workspace.do("cat", index="blob.caibx", stores=["store"])

    assert zeros
    assert ended.output == data


@pytest.mark.parametrize(
    ("offset", "length"),
    [
        (len(FIRST) + 1, None),
        (len(FIRST), 1),
        (len(FIRST) - 1, 2),
        (0, len(FIRST) + 1),
        (1 << 62, 0),
    ],
)
@pytest.mark.parametrize("there", [None, b"what is there"])
def test_a_range_past_the_end_is_refused_before_any_output(
    workspace: Workspace, made: Index, offset: int, length: int | None, there: bytes | None
) -> None:
    del made
    if there is not None:
        (workspace / "part").write_bytes(there)
    fields = {"index": "blob.caibx", "stores": ["store"], "offset": offset, "length": length}
    to_file = workspace.do("cat", output="part", **fields)
    to_stream = workspace.do("cat", **fields)

    assert (to_file.summary, to_stream.summary) == ((64, "failed"), (64, "failed"))
    assert "past the end of the blob" in to_stream.message
    assert to_stream.output == b""
    assert (workspace / "part").exists() is (there is not None)
    assert there is None or (workspace / "part").read_bytes() == there


def test_a_file_appears_whole_or_not_at_all(workspace: Workspace, made: Index) -> None:
    (workspace / "copy").write_bytes(b"what is there")
    before = stamp(workspace / "copy")
    overwrite(chunk_file(workspace / "store", made.id(len(made) - 1)), b"damage")
    fields = {"index": "blob.caibx", "stores": ["store"]}
    over = workspace.do("cat", output="copy", **fields)
    new = workspace.do("cat", output="new", **fields)

    assert (over.summary, new.summary) == ((4, "failed"), (4, "failed"))
    assert stamp(workspace / "copy") == before
    assert {path.name for path in workspace.path.iterdir()} == {
        "blob",
        "blob.caibx",
        "copy",
        "store",
    }


def test_an_output_that_is_the_same_is_left_alone(workspace: Workspace, made: Index) -> None:
    del made
    fields = {"index": "blob.caibx", "stores": ["store"], "output": "copy", "offset": 5}
    first = workspace.do("cat", **fields)
    before = stamp(workspace / "copy")
    second = workspace.do("cat", **fields)

    assert (first.summary, second.summary) == ((0, "done"), (0, "unchanged"))
    assert (workspace / "copy").read_bytes() == FIRST[5:]
    assert stamp(workspace / "copy") == before


def test_the_index_comes_from_standard_input(workspace: Workspace, made: Index) -> None:
    del made
    data = (workspace / "blob.caibx").read_bytes()
    ended = workspace.do("cat", How(given=data), index="-", stores=["store"], offset=100)

    assert ended.output == FIRST[100:]


def test_several_stores_and_a_cache(workspace: Workspace, made: Index) -> None:
    for number, chunk_id in enumerate(sorted(set(ids_of(made)))):
        if number % 2:
            target = chunk_file(workspace / "far", chunk_id)
            target.parent.mkdir(parents=True, exist_ok=True)
            chunk_file(workspace / "store", chunk_id).rename(target)
    (workspace / "cache").mkdir()
    (workspace / "empty").mkdir()
    fields = {"index": "blob.caibx", "cache": "cache"}
    filled = workspace.do("cat", stores=["store", "far"], **fields)
    served = workspace.do("cat", stores=["empty"], **fields)

    assert filled.output == served.output == FIRST
    assert len(chunk_files(workspace / "cache")) == len(set(ids_of(made))) - 1  # zeros


@pytest.mark.parametrize("repair", [True, False])
def test_a_damaged_chunk_of_the_cache(workspace: Workspace, made: Index, repair: bool) -> None:
    workspace.do("cache", indexes=["blob.caibx"], stores=["store"], cache="cache")
    broken = chunk_file(workspace / "cache", made.id(5))
    overwrite(broken, b"damage")
    ended = workspace.do(
        "cat", index="blob.caibx", stores=["store"], cache="cache", cache_repair=repair
    )

    assert ended.result.exit_code == (0 if repair else 4)
    assert (ended.output == FIRST) is repair
    assert (broken.read_bytes() == b"damage") is not repair


def test_what_is_written_is_a_beginning_of_the_blob_even_where_it_fails(
    workspace: Workspace, made: Index
) -> None:
    overwrite(chunk_file(workspace / "store", made.id(len(made) - 1)), b"damage")
    ended = workspace.do("cat", index="blob.caibx", stores=["store"])

    assert ended.result.exit_code == 4
    assert FIRST.startswith(ended.output)


def test_inputs_that_are_missing_are_told_apart(workspace: Workspace, made: Index) -> None:
    del made
    index = workspace.do("cat", index="absent.caibx", stores=["store"])
    store = workspace.do("cat", index="blob.caibx", stores=["absent"])

    assert index.summary == (5, "failed")
    assert store.summary == (1, "failed")


def test_the_output_is_never_the_index(workspace: Workspace, made: Index) -> None:
    del made
    (workspace / "link").symlink_to("blob.caibx")
    index = (workspace / "blob.caibx").read_bytes()
    ended = workspace.do("cat", index="blob.caibx", stores=["store"], output="link")

    assert ended.summary == (64, "failed")
    assert (workspace / "blob.caibx").read_bytes() == index


def test_the_program_writes_ranges_as_desync_does(
    workspace: Workspace, made: Index, desync_run: Any
) -> None:
    """A length of 0 is up to the end."""
    del made
    part = desync_run("cat", "-s", "store", "-o", "1024", "-l", "2048", "blob.caibx")
    rest = desync_run("cat", "-s", "store", "-o", "1024", "-l", "0", "blob.caibx", "rest")
    beyond = desync_run("cat", "-s", "store", "-o", str(len(FIRST) + 1), "blob.caibx", "beyond")

    assert (part.returncode, part.stdout) == (0, FIRST[1024:3072])
    assert (rest.returncode, (workspace / "rest").read_bytes()) == (0, FIRST[1024:])
    assert (beyond.returncode, beyond.stdout) == (64, b"")
    assert not (workspace / "beyond").exists()
