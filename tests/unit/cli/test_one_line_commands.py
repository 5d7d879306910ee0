import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Run = Callable[..., CompletedProcess[bytes]]

BLOB = random.Random(11).randbytes(400_000)


@pytest.fixture
def made(tmp_path: Path, desync_run: Run) -> Path:
    """A directory with a blob, its index and its store."""
    (tmp_path / "blob").write_bytes(BLOB)
    (tmp_path / "store").mkdir()
    ended = desync_run("make", "blob.caibx", "blob", "-s", "store")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")
    return tmp_path


def chunk_count(store: Path) -> int:
    return len(list(store.glob("????/*.cacnk")))


def test_make_writes_an_index_and_fills_the_store(made: Path) -> None:
    rows = ((made / "blob.caibx").stat().st_size - 104) // 40  # head and tail are 104 bytes

    assert chunk_count(made / "store") == rows > 1


def test_make_reads_a_pipe_and_writes_to_one(made: Path, desync_run: Run) -> None:
    ended = desync_run("make", "-", "-", given=BLOB)

    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout == (made / "blob.caibx").read_bytes()


def test_make_prints_its_statistics_to_standard_error(made: Path, desync_run: Run) -> None:
    ended = desync_run("make", "again.caibx", "blob", "--print-stats")
    count = chunk_count(made / "store")

    assert (ended.returncode, ended.stdout) == (0, b"")
    assert json.loads(ended.stderr) == {"ChunksAccepted": count, "ChunksProduced": count}


def test_extract_prints_its_statistics_to_standard_output(made: Path, desync_run: Run) -> None:
    ended = desync_run("extract", "blob.caibx", "copy", "-s", "store", "--print-stats")
    statistics = json.loads(ended.stdout)

    assert (ended.returncode, ended.stderr) == (0, b"")
    assert (made / "copy").read_bytes() == BLOB
    assert statistics["bytes-total"] == len(BLOB)
    assert statistics["chunks-from-store"] == statistics["chunks-total"]


def test_extract_fills_its_cache(made: Path, desync_run: Run) -> None:
    (made / "cache").mkdir()
    ended = desync_run(
        "extract",
        "-",
        "copy",
        "-s",
        "store",
        "-c",
        "cache",
        given=(made / "blob.caibx").read_bytes(),
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")
    assert (made / "copy").read_bytes() == BLOB
    assert chunk_count(made / "cache") == chunk_count(made / "store")


def test_verify_index_accepts_the_blob(made: Path, desync_run: Run) -> None:
    del made
    ended = desync_run("verify-index", "blob.caibx", "blob")

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")


def test_verify_index_ends_with_4_for_another_blob(made: Path, desync_run: Run) -> None:
    (made / "blob").write_bytes(BLOB[:-1] + b"?")
    ended = desync_run("verify-index", "blob.caibx", "blob")

    assert (ended.returncode, ended.stdout) == (4, b"")
    assert b"is not what its index describes" in ended.stderr


def test_verify_accepts_a_sound_store(made: Path, desync_run: Run) -> None:
    del made
    ended = desync_run("verify", "-s", "store")

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")


def test_verify_ends_with_4_and_names_the_damaged_chunk(made: Path, desync_run: Run) -> None:
    damaged = min((made / "store").glob("????/*.cacnk"))
    damaged.write_bytes(b"not a chunk")
    ended = desync_run("verify", "-s", "store")
    present = damaged.exists()
    repaired = desync_run("verify", "-s", "store", "-r")

    assert (ended.returncode, ended.stdout, present) == (4, b"", True)
    assert damaged.stem in ended.stderr.decode()
    assert repaired.returncode == 4
    assert not damaged.exists()


def test_chop_fills_a_store(made: Path, desync_run: Run) -> None:
    (made / "other").mkdir()
    ended = desync_run("chop", "blob.caibx", "blob", "-s", "other")

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")
    assert chunk_count(made / "other") == chunk_count(made / "store")


def test_chop_leaves_out_what_is_to_be_ignored(made: Path, desync_run: Run) -> None:
    (made / "other").mkdir()
    ids = desync_run("list-chunks", "blob.caibx").stdout.splitlines()
    (made / "ids").write_bytes(b"\n".join(ids[1:]) + b"\n")
    ended = desync_run("chop", "blob.caibx", "blob", "-s", "other", "--ignore-chunks", "ids")

    assert ended.returncode == 0
    assert [path.stem for path in (made / "other").glob("????/*.cacnk")] == [ids[0].decode()]


def test_cache_copies_chunks_between_stores(made: Path, desync_run: Run) -> None:
    (made / "cache").mkdir()
    ended = desync_run("cache", "blob.caibx", "-s", "store", "-c", "cache")

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")
    assert chunk_count(made / "cache") == chunk_count(made / "store")


def test_cat_writes_the_blob_to_standard_output(made: Path, desync_run: Run) -> None:
    del made
    ended = desync_run("cat", "blob.caibx", "-s", "store")

    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout == BLOB


def test_cat_writes_a_part_of_the_blob_to_a_file(made: Path, desync_run: Run) -> None:
    ended = desync_run("cat", "blob.caibx", "part", "-s=store", "-o=70000", "-l", "100000")

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")
    assert (made / "part").read_bytes() == BLOB[70_000:170_000]


def test_chunk_lists_start_length_and_id(made: Path, desync_run: Run) -> None:
    del made
    ended = desync_run("chunk", "blob")
    rows = [line.split("\t") for line in ended.stdout.decode().splitlines()]
    pieces = [BLOB[int(start) :][: int(length)] for start, length, _ in rows]

    assert (ended.returncode, ended.stderr) == (0, b"")
    assert b"".join(pieces) == BLOB
    assert [row[2] for row in rows] == [
        hashlib.new("sha512_256", piece).hexdigest() for piece in pieces
    ]


def test_list_chunks_prints_an_id_a_line(made: Path, desync_run: Run) -> None:
    ended = desync_run("list-chunks", "-", given=(made / "blob.caibx").read_bytes())
    ids = ended.stdout.decode().splitlines()

    assert (ended.returncode, ended.stderr) == (0, b"")
    assert sorted(ids) == sorted(path.stem for path in (made / "store").glob("????/*.cacnk"))


def test_info_counts_chunks(made: Path, desync_run: Run) -> None:
    ended = desync_run("info", "blob.caibx", "-s", "store")
    counts = json.loads(ended.stdout)

    assert (ended.returncode, ended.stderr) == (0, b"")
    assert counts["total"] == counts["in-store"] == chunk_count(made / "store")
    assert counts["size"] == len(BLOB)


def test_info_is_printed_in_lines_where_they_are_asked_for(made: Path, desync_run: Run) -> None:
    del made
    ended = desync_run("info", "blob.caibx", "-f", "plain")

    assert (ended.returncode, ended.stderr) == (0, b"")
    assert len(ended.stdout.splitlines()) == 13


def test_inspect_chunks_describes_every_chunk(made: Path, desync_run: Run) -> None:
    ended = desync_run("inspect-chunks", "blob.caibx", "-s", "store")
    chunks = json.loads(ended.stdout)

    assert (ended.returncode, ended.stderr) == (0, b"")
    assert len(chunks) == chunk_count(made / "store")
    assert sum(chunk["uncompressed_size"] for chunk in chunks) == len(BLOB)


def test_digest_prints_the_digest_of_the_blob(made: Path, desync_run: Run) -> None:
    del made
    ended = desync_run("digest", "--digest", "sha256", "-", given=BLOB)

    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout.decode() == hashlib.sha256(BLOB).hexdigest() + "\n"


def test_the_result_of_a_failure_is_json_too(made: Path, desync_run: Run) -> None:
    del made
    ended = desync_run("verify-index", "absent.caibx", "blob", "--json")
    result = json.loads(ended.stdout)

    assert ended.returncode == result["exit_code"] == 5
    assert result["operations"][0]["status"] == "failed"
    assert ended.stderr.startswith(b"desync-run: ")


def test_a_printed_manifest_is_a_job_that_does_the_same(made: Path, desync_run: Run) -> None:
    printed = desync_run("extract", "blob.caibx", "copy", "-s", "store", "--print-manifest")
    not_yet = (made / "copy").exists()
    (made / "copy.toml").write_bytes(printed.stdout)
    ended = desync_run("copy.toml")

    assert (printed.returncode, not_yet) == (0, False)
    assert ended.returncode == 0
    assert (made / "copy").read_bytes() == BLOB


def test_extract_puts_several_blobs_into_a_directory(made: Path, desync_run: Run) -> None:
    (made / "other").write_bytes(BLOB[100_000:] + b"more")
    (made / "odd[1].caibx").write_bytes((made / "blob.caibx").read_bytes())
    (made / "out").mkdir()
    desync_run("make", "other.caibx", "other", "-s", "store")
    several = ("extract", "-s", "store", "--target-dir", "out")
    ended = desync_run(*several, "blob.caibx", "other.caibx", "odd[1].caibx", "--print-stats")
    alone = desync_run(*several, "blob.caibx", "--json")

    assert (ended.returncode, ended.stderr) == (0, b"")
    assert (made / "out" / "blob").read_bytes() == (made / "out" / "odd[1]").read_bytes() == BLOB
    assert (made / "out" / "other").read_bytes() == BLOB[100_000:] + b"more"
    assert json.loads(ended.stdout)["chunks-from-store"] == chunk_count(made / "store")
    assert json.loads(alone.stdout)["operations"][0]["reason"] == (
        "the target is what the indexes describe"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("blob.caibx",), b"give OUTPUT too, or --target-dir"),
        (("a.caibx", "b", "c"), b"more than one INDEX, give --target-dir instead of OUTPUT"),
        (("--target-dir", "out", "blob"), b"should end in a name and .caibx"),
        (("--target-dir", "out"), b"missing argument 'INDEX OUTPUT | INDEX...'"),
    ],
)
def test_extract_says_how_to_name_what_goes_where(
    made: Path, desync_run: Run, arguments: tuple[str, ...], message: bytes
) -> None:
    del made
    ended = desync_run("extract", "-s", "store", *arguments)

    assert ended.returncode == 64
    assert message in ended.stderr


def test_json_of_a_comparison_is_what_differs(made: Path, desync_run: Run) -> None:
    (made / "other").write_bytes(BLOB[100_000:])
    (made / "tree").mkdir()
    desync_run("make", "other.caibx", "other", "-s", "store")
    indexes = desync_run("diff", "blob.caibx", "other.caibx", "--json")
    trees = desync_run("diff", "tree", "tree", "--json")
    words = desync_run("diff", "blob.caibx", "other.caibx", "--json", "-f", "words")

    assert json.loads(indexes.stdout)["new"]["bytes"] == len(BLOB) - 100_000
    assert json.loads(trees.stdout) == []
    assert words.stdout.startswith(b"old:")
    for ended in (indexes, trees, words):
        assert json.loads(ended.stderr)["exit_code"] == ended.returncode == 0


def test_a_report_on_standard_output_leaves_the_result_to_standard_error(
    made: Path, desync_run: Run
) -> None:
    assert chunk_count(made / "store")
    store = ("-s", "store", "--report", "-", "--json")
    whole = desync_run("verify", *store)
    of_index = desync_run("verify-chunks", "blob.caibx", *store)
    mixed = desync_run("verify", "-s", "store", "--report", "-", "--events", "-")

    for ended, kind in ((whole, "verify"), (of_index, "verify-chunks")):
        assert json.loads(ended.stdout) == []
        assert json.loads(ended.stderr)["operations"][0]["kind"] == kind
    assert mixed.returncode == 64
    assert mixed.stdout == b""
