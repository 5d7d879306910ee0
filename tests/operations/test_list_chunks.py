import pytest

from desync_jobs.formats.index import Index
from tests.blobs import blob
from tests.workspace import How, Workspace, ids_of, stamp


@pytest.fixture
def made(workspace: Workspace) -> Index:
    """The index of `blob`, in which chunks repeat."""
    return workspace.make("blob", blob("first"), store=None)


def test_ids_are_listed_in_order_with_repeats(workspace: Workspace, made: Index) -> None:
    ended = workspace.do("list-chunks", index="blob.caibx")

    assert ended.result.exit_code == 0
    assert ended.output.decode() == "".join(f"{one.hex()}\n" for one in ids_of(made))
    assert ended.statistics == {"chunks": len(made)}
    assert len(set(ids_of(made))) < len(made)


def test_the_index_comes_from_standard_input(workspace: Workspace, made: Index) -> None:
    data = (workspace / "blob.caibx").read_bytes()
    ended = workspace.do("list-chunks", How(given=data), index="-")

    assert ended.output.decode().split() == [one.hex() for one in ids_of(made)]


def test_an_index_of_nothing_lists_nothing(workspace: Workspace) -> None:
    workspace.make("blob", b"", store=None)
    ended = workspace.do("list-chunks", index="blob.caibx")

    assert (ended.result.exit_code, ended.output) == (0, b"")


def test_an_output_that_is_the_same_is_left_alone(workspace: Workspace, made: Index) -> None:
    first = workspace.do("list-chunks", index="blob.caibx", output="list")
    before = stamp(workspace / "list")
    second = workspace.do("list-chunks", index="blob.caibx", output="list")

    assert (first.summary, second.summary) == ((0, "done"), (0, "unchanged"))
    assert len((workspace / "list").read_text().splitlines()) == len(made)
    assert stamp(workspace / "list") == before


def test_an_output_survives_a_failure(workspace: Workspace, made: Index) -> None:
    del made
    (workspace / "list").write_bytes(b"what is there")
    (workspace / "broken.caibx").write_bytes((workspace / "blob.caibx").read_bytes()[:-40])
    missing = workspace.do("list-chunks", index="absent.caibx", output="list")
    broken = workspace.do("list-chunks", index="broken.caibx", output="list")

    assert (missing.summary, broken.summary) == ((5, "failed"), (4, "failed"))
    assert (workspace / "list").read_bytes() == b"what is there"


def test_the_output_is_never_the_index(workspace: Workspace, made: Index) -> None:
    (workspace / "link").symlink_to("blob.caibx")
    ended = workspace.do("list-chunks", index="blob.caibx", output="link")

    assert ended.summary == (64, "failed")
    assert ids_of(workspace.index("blob.caibx")) == ids_of(made)
