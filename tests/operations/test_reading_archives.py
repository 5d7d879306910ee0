"""An archive is read the same way whether it is one file or chunks with an index."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from desync_jobs.assembly.zeros import zero_chunk_id
from desync_jobs.errors import EXIT_INVALID_DATA, EXIT_USAGE
from desync_jobs.formats.index import Index, serialize_index
from tests.conftest import Run
from tests.interop.casync import casync
from tests.operations.seeded import index_file
from tests.vectors.inputs import ctr
from tests.workspace import SMALL, Ended, How, Workspace, chunk_file, ids_of, overwrite

ARCHIVES = Path(__file__).parents[1] / "vectors" / "archives"
READ = {"index": "tree.caidx", "stores": ["store"]}


@pytest.fixture
def cut(workspace: Workspace) -> Workspace:
    """A tree, its archive `tree.catar`, and `tree.caidx` with the chunks of that in `store`."""
    (workspace / "tree" / "folder").mkdir(parents=True)
    (workspace / "tree" / "folder" / "large").write_bytes(ctr(300_000))
    (workspace / "tree" / "folder" / "zeros").write_bytes(bytes(200_000))
    (workspace / "tree" / "small").write_text("small")
    (workspace / "tree" / "link").symlink_to("small")
    for output in ({"archive": "tree.catar"}, {"index": "tree.caidx", "store": "store"}):
        sizes = {"chunk_size": SMALL} if "index" in output else {}
        assert workspace.do("tar", directory="tree", **output, **sizes).result.exit_code == 0
    return workspace


@pytest.mark.parametrize("kind", ["list", "mtree"])
def test_an_index_is_read_as_casync_reads_it_and_says_where_chunks_came_from(
    cut: Workspace, kind: str
) -> None:
    ended = cut.do(kind, **READ)
    whole = cut.do(kind, archive="tree.catar")
    index = cut.index("tree.caidx")
    zeros = ids_of(index).count(zero_chunk_id(index.algorithm, index.sizes.maximum))

    assert ended.summary == (0, "done")
    assert ended.output == whole.output
    assert ended.output.decode() == casync(cut.path, kind, "--store=store", "tree.caidx")
    assert ended.statistics["chunks"] == len(index)
    assert ended.statistics["sources"]["zeros"]["chunks"] == zeros > 0
    assert ended.statistics["stores"]["store"]["chunks"] == len(index) - zeros
    assert "stores" not in whole.statistics


def test_an_index_may_come_from_standard_input(cut: Workspace) -> None:
    given = (cut / "tree.caidx").read_bytes()
    ended = cut.do("list", How(given=given), index="-", stores=["store"])

    assert ended.output == cut.do("list", archive="tree.catar").output


def test_a_seed_has_what_no_store_has_and_a_cache_keeps_what_one_has(cut: Workspace) -> None:
    archive = (cut / "tree.catar").read_bytes()
    (cut / "seed").write_bytes(archive[: len(archive) // 2])
    (cut / "seed.caibx").write_bytes(index_file((cut / "seed").read_bytes()))
    cut.seeds["half"] = {"blob": "seed", "index": "seed.caibx"}
    ended = cut.do("mtree", **READ, seeds=["half"], cache="cache")
    shutil.rmtree(cut / "store")
    (cut / "store").mkdir()
    again = cut.do("mtree", **READ, seeds=["half"], cache="cache")

    assert ended.output == again.output == cut.do("mtree", archive="tree.catar").output
    assert ended.statistics["sources"]["seed half"]["chunks"] > 10
    assert again.statistics["stores"]["store"]["chunks"] == 0
    assert again.statistics["stores"]["cache"]["chunks"] == len(
        list((cut / "cache").rglob("*.ca*"))
    )


def test_a_preview_tells_what_is_fetched_from_where(cut: Workspace) -> None:
    (step,) = cut.plan({"list": {"kind": "list", **READ}}).steps
    given = cut.do("list", **READ).statistics["stores"]["store"]
    (amount,) = (one for one in step.cost.reads if one.place == "store")

    assert (amount.exact, amount.chunks, amount.bytes) == (True, given["chunks"], given["bytes"])
    assert step.cost.download is not None
    assert step.cost.download.upper == given["stored_bytes"]


def test_a_missing_chunk_and_a_damaged_one_are_told_and_nothing_is_written(
    cut: Workspace,
) -> None:
    index = cut.index("tree.caidx")
    file = chunk_file(cut / "store", ids_of(index)[len(index) // 2])
    overwrite(file, b"damaged")
    damaged = cut.do("list", **READ, output="names")
    file.unlink()
    missing = cut.do("list", **READ, output="names")

    assert damaged.result.exit_code == EXIT_INVALID_DATA
    assert missing.summary == (5, "failed")
    assert not (cut / "names").exists()


def _flagged(cut: Workspace, flags: int) -> Ended:
    index = cut.index("tree.caidx")
    other = Index(flags, index.sizes, index.ends, index.ids)
    (cut / "other.caidx").write_bytes(serialize_index(other))
    return cut.do("list", index="other.caidx", stores=["store"])


@pytest.mark.parametrize("flags", [0xB000000000000000, 0xB0000001FFEFFE06])
def test_an_index_with_other_feature_flags_than_its_archive_is_refused_as_by_casync(
    cut: Workspace, flags: int
) -> None:
    ended = _flagged(cut, flags)

    assert ended.summary == (EXIT_INVALID_DATA, "failed")
    assert ended.message.startswith(f"archive of {cut / 'other.caidx'}: its feature flags are 0xb")
    assert f"those of its index {flags:#x}" in ended.message
    with pytest.raises(AssertionError, match="Bad message"):
        casync(cut.path, "list", "--store=store", "other.caidx")


def test_an_index_of_what_is_no_archive_is_refused(cut: Workspace) -> None:
    cut.make("blob", ctr(100_000))
    ended = cut.do("list", index="blob.caibx", stores=["store"])

    assert ended.summary == (EXIT_INVALID_DATA, "failed")
    assert ended.message.startswith(f"archive of {cut / 'blob.caibx'}: at byte 0: ")


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({}, "give either archive, or index with stores, or directory"),
        ({"archive": "a", "index": "i"}, "give either archive, or index with stores"),
        ({"archive": "a", "directory": "d"}, "give either archive, or index with stores"),
        ({"archive": "a", "with_features": ["unix"]}, "with_features: is for a directory"),
        ({"archive": "a", "digest": "sha256"}, "digest: is for a directory"),
        ({"directory": "d", "seeds": ["s"]}, "no seed named"),
        ({"index": "i"}, "stores: missing; the chunks of an index are in stores"),
        ({"archive": "a", "cache": "c"}, "cache: is for the chunks of an index"),
        ({"archive": "a", "stores": ["s"]}, "stores: is for the chunks of an index"),
    ],
)
def test_a_tree_is_given_in_one_of_three_ways(
    workspace: Workspace, fields: dict[str, Any], problem: str
) -> None:
    with pytest.raises(Exception, match=r"operations\.mtree") as caught:
        workspace.do("mtree", **fields)

    assert problem in str(caught.value)


@pytest.mark.parametrize("digest", ["sha256", "sha512-256"])
def test_an_archive_of_desync_s_may_have_chunks_with_either_digest(
    cut: Workspace, digest: str
) -> None:
    output = {"index": "theirs.caidx", "store": "theirs", "digest": digest}
    assert cut.do("tar", directory="tree", dialect="desync", **output).summary == (0, "done")
    ended = cut.do("list", index="theirs.caidx", stores=["theirs"])

    assert ended.output == cut.do("list", archive="tree.catar").output


@pytest.mark.parametrize("kind", ["list", "mtree", "digest"])
def test_a_directory_is_read_as_its_archive_would_be(cut: Workspace, kind: str) -> None:
    ended = cut.do(kind, directory="tree")

    assert ended.summary == (0, "done")
    assert ended.output == cut.do(kind, archive="tree.catar").output


@pytest.mark.parametrize("kind", ["list", "digest"])
def test_a_directory_that_is_none_is_told(cut: Workspace, kind: str) -> None:
    absent = cut.do(kind, directory="none")
    file = cut.do(kind, directory="tree.catar")
    archive = cut.do(kind, archive="tree")

    assert absent.message == f"{cut / 'none'}: directory does not exist"
    assert file.message == f"{cut / 'tree.catar'} is not a directory; an archive is made of one"
    assert archive.message == f"{cut / 'tree'} is a directory; an archive is a file"


def test_a_file_that_cannot_be_read_fails_the_reading_of_a_directory(cut: Workspace) -> None:
    os.mkfifo(cut / "tree" / "fifo")
    os.utime(cut / "tree" / "small", ns=(-1, -1))
    ended = cut.do("list", directory="tree", output="names")

    assert ended.summary == (1, "failed")
    assert "no archive can have its time" in ended.message
    assert not (cut / "names").exists()


@pytest.mark.parametrize("kind", ["list", "mtree"])
def test_nothing_is_written_into_the_directory_that_is_read(cut: Workspace, kind: str) -> None:
    ended = cut.do(kind, directory="tree", output="tree/folder/names")

    assert ended.summary == (64, "failed")
    assert ended.message == (
        f"{cut / 'tree/folder/names'} is in {cut / 'tree'}, which is read; name another place"
    )


@pytest.mark.usefixtures("cut")
def test_commands_tell_a_file_an_index_and_a_directory_apart(desync_run: Run) -> None:
    listed = [
        desync_run("list", "-q", *arguments)
        for arguments in (["tree.catar"], ["-s", "store", "tree.caidx"], ["tree"])
    ]
    digested = [
        desync_run("digest", "-q", *arguments)
        for arguments in (["tree.catar"], ["-s", "store", "tree.caidx"], ["tree"])
    ]
    storeless = desync_run("mtree", "tree.caidx")

    assert [one.returncode for one in (*listed, *digested)] == [0] * 6
    assert len({one.stdout for one in listed}) == len({one.stdout for one in digested}) == 1
    assert storeless.returncode == EXIT_USAGE
    assert b"tree.caidx is read as an index, whose chunks are in a store" in storeless.stderr
