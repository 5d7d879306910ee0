"""`get` puts an archive together, byte for byte, and nothing that is none."""

import pytest

from desync_jobs.errors import EXIT_INVALID_DATA
from tests.vectors.inputs import ctr
from tests.workspace import SMALL, How, Workspace, chunk_file, ids_of


@pytest.fixture
def cut(workspace: Workspace) -> Workspace:
    """`tree.catar`, and `tree.caidx` with its chunks in `store`."""
    (workspace / "tree").mkdir()
    (workspace / "tree" / "large").write_bytes(ctr(300_000))
    workspace.do("tar", directory="tree", archive="tree.catar")
    fields = {"archive": "tree.catar", "index": "tree.caidx", "store": "store"}
    assert workspace.do("put", **fields, chunk_size=SMALL).result.exit_code == 0
    return workspace


@pytest.mark.parametrize("output", ["-", "copy.catar"])
def test_an_archive_comes_out_as_it_was_put_in(cut: Workspace, output: str) -> None:
    given = (cut / "tree.caidx").read_bytes()
    ended = cut.do("get", How(given=given), index="-", stores=["store"], archive=output)
    archive = (cut / "tree.catar").read_bytes()

    assert ended.summary == (0, "done")
    assert (ended.output if output == "-" else (cut / output).read_bytes()) == archive
    assert ended.statistics["bytes"] == len(archive)
    assert ended.statistics["nodes"] == 2
    assert ended.statistics["stores"]["store"]["chunks"] == len(cut.index("tree.caidx"))


def test_an_archive_that_is_there_already_is_left_alone(cut: Workspace) -> None:
    ended = cut.do("get", index="tree.caidx", stores=["store"], archive="tree.catar")

    assert ended.summary == (0, "unchanged")


def test_the_index_of_a_blob_is_refused_though_its_chunks_are_those_of_an_archive(
    cut: Workspace,
) -> None:
    cut.make("tree.catar")
    ended = cut.do("get", index="tree.catar.caibx", stores=["store"], archive="copy.catar")

    assert ended.summary == (EXIT_INVALID_DATA, "failed")
    assert "that is the index of a blob" in ended.message
    assert not (cut / "copy.catar").exists()


def test_a_missing_chunk_leaves_no_archive(cut: Workspace) -> None:
    chunk_file(cut / "store", ids_of(cut.index("tree.caidx"))[3]).unlink()
    ended = cut.do("get", index="tree.caidx", stores=["store"], archive="copy.catar")

    assert ended.summary == (5, "failed")
    assert not (cut / "copy.catar").exists()


def test_a_preview_tells_what_is_fetched(cut: Workspace) -> None:
    (step,) = cut.plan({"get": {"kind": "get", "index": "tree.caidx", "stores": ["store"]}}).steps
    given = cut.do("get", index="tree.caidx", stores=["store"]).statistics["stores"]["store"]

    assert step.cost.download is not None
    assert step.cost.download.upper == given["stored_bytes"]
