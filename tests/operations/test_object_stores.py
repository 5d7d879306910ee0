"""Operations whose stores are objects elsewhere: each on a real server."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

from desync_jobs.formats.index import Index
from desync_jobs.stores.leases.log import FOLDER
from desync_jobs.stores.objects.base import ObjectPlace
from tests.blobs import blob
from tests.servers.ceph import running_ceph
from tests.servers.gcs import running_gcs
from tests.servers.rclone import running_rclone
from tests.servers.s3_places import ENVIRONMENT, open_remote
from tests.servers.sftp_places import make_home
from tests.servers.sshd import running_sshd
from tests.workspace import SMALL, Ended, Workspace, chunk_files, ids_of

FIRST = blob("first")
PLACES = ["s3", "sftp", "memory", "ceph"]
AND_SLOWLY = pytest.mark.parametrize("far", [*PLACES, "gs"], indirect=True)
"""Also on an emulator that takes its time."""
QUICK = {"attempts": 2, "backoff": "1ms"}

NewPlace: TypeAlias = Callable[[], dict[str, Any]]
"""Returns the table of a place with nothing in it."""


@pytest.fixture(scope="module", autouse=True)
def _keys() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        # Where everybody may overwrite, leases wait for who was late; nobody is here.
        patch.setattr("desync_jobs.stores.leases.log._SETTLING", 0.1)
        yield


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewPlace]:
    with running_rclone(tmp_path_factory.mktemp("rclone") / "served") as server:
        yield lambda: {"url": server.place("chunks")}


@pytest.fixture(scope="module")
def ceph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewPlace]:
    with running_ceph(tmp_path_factory.mktemp("ceph")) as server:
        yield lambda: {"url": server.place("chunks")}


@pytest.fixture(scope="module")
def gs() -> Iterator[NewPlace]:
    with running_gcs() as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", url)
        yield lambda: {"url": "gs://bucket/chunks", "credentials": {"anonymous": True}}


@pytest.fixture(scope="module")
def sftp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewPlace]:
    directory = tmp_path_factory.mktemp("sftp")
    with running_sshd(directory / "server") as sshd, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(make_home(sshd, directory / "home")))
        patch.delenv("SSH_AUTH_SOCK", raising=False)
        yield lambda: {"url": sshd.url("sftp", directory / "chunks")}


@pytest.fixture
def memory() -> NewPlace:
    return lambda: {"url": "memory://chunks"}


@pytest.fixture(params=PLACES)
def far(request: pytest.FixtureRequest, workspace: Workspace) -> ObjectPlace:
    """What is behind the store `far`, opened beside it and emptied."""
    table = request.getfixturevalue(request.param)()
    # The emulator of Google is slow with several connections.
    concurrency = 1 if request.param == "gs" else 8
    workspace.places["far"] = {**table, "policy": {**QUICK, "concurrency": concurrency}}
    place = open_remote(**table)
    place.delete([entry.name for entry in place.entries("")])
    return place


def extract(workspace: Workspace, **fields: object) -> Ended:
    return workspace.do("extract", index="blob.caibx", target="out", stores=["far"], **fields)


def name_of(index: Index, position: int) -> str:
    name = index.id(position).hex()
    return f"{name[:4]}/{name}.cacnk"


def contents(place: ObjectPlace) -> dict[str, object]:
    """Return every object by its name, but for what leases leave behind."""
    names = sorted({entry.name for entry in place.entries("")})
    names = [name for name in names if not name.startswith(FOLDER)]
    return dict(zip(names, place.get(names, 1 << 20), strict=True))


@AND_SLOWLY
def test_what_is_made_into_a_store_elsewhere_is_what_a_directory_has(
    workspace: Workspace, far: ObjectPlace
) -> None:
    workspace.make("blob", FIRST, store="far")
    ended = extract(workspace)
    workspace.do("chop", index="blob.caibx", blob="blob", store="directory")

    assert ended.summary == (0, "done")
    assert (workspace / "out").read_bytes() == FIRST
    assert contents(far) == chunk_files(workspace / "directory")


def test_a_store_elsewhere_is_filled_from_another_and_fills_a_cache(
    workspace: Workspace, far: ObjectPlace
) -> None:
    index = workspace.make("blob", FIRST)
    filled = workspace.do("cache", indexes=["blob.caibx"], stores=["store"], cache="far")
    first = extract(workspace, cache="near")
    (workspace / "out").unlink()
    far.delete(list(contents(far)))
    second = extract(workspace, cache="near")

    assert [filled.summary, first.summary, second.summary] == [(0, "done")] * 3
    assert (workspace / "out").read_bytes() == FIRST
    assert len(chunk_files(workspace / "near")) <= len(set(ids_of(index)))


def test_damage_elsewhere_is_found_and_removed_by_a_repair(
    workspace: Workspace, far: ObjectPlace
) -> None:
    index = workspace.make("blob", FIRST, store="far")
    far.put([(name_of(index, 3), b"garbage")], "application/zstd")
    count = len(contents(far))
    found = workspace.do("verify", store="far")
    repaired = workspace.do("verify", store="far", repair=True)
    whole = workspace.do("verify", store="far")

    assert found.result.exit_code == 4
    assert name_of(index, 3) not in contents(far)
    assert len(contents(far)) == count - 1
    assert repaired.result.exit_code in (0, 4)
    assert whole.summary == (0, "done")


def test_a_chunk_that_is_not_there_is_missing(workspace: Workspace, far: ObjectPlace) -> None:
    index = workspace.make("blob", FIRST, store="far")
    far.delete([name_of(index, 3)])
    ended = extract(workspace)

    assert ended.result.exit_code == 5
    assert f"chunk {index.id(3).hex()} is missing from far" in ended.message
    assert not (workspace / "out").exists()


@AND_SLOWLY
def test_an_index_lies_beside_its_chunks_elsewhere(workspace: Workspace, far: ObjectPlace) -> None:
    url = f"{workspace.places['far']['url']}/indexes/my-blob.caibx"
    (workspace / "blob").write_bytes(FIRST)
    made = workspace.do("make", blob="blob", index=url, store="far", chunk_size=SMALL)
    checked = workspace.do("verify-index", index=url, blob="blob")
    ended = workspace.do("extract", index=url, target="out", stores=["far"])
    far.delete(["indexes/my-blob.caibx"])
    missing = workspace.do("list-chunks", index=url)

    assert [made.summary, checked.summary, ended.summary] == [(0, "done")] * 3
    assert (workspace / "out").read_bytes() == FIRST
    assert missing.result.exit_code == 5
    assert missing.message == f"{url}: index does not exist"


def test_a_tree_goes_elsewhere_and_what_a_seed_lacks_comes_back(
    workspace: Workspace, far: ObjectPlace
) -> None:
    url = f"{workspace.places['far']['url']}/indexes/tree.caidx"
    (workspace / "tree" / "folder").mkdir(parents=True)
    (workspace / "tree" / "folder" / "file").write_bytes(FIRST)
    workspace.seeds["tree"] = {"tree": "tree"}
    made = workspace.do("tar", directory="tree", index=url, store="far", chunk_size=SMALL)
    chunks = [name for name in contents(far) if name.endswith(".cacnk")]
    read: dict[str, Any] = {"index": url, "stores": ["far"]}
    fetched = workspace.do("untar", target="fetched", **read)
    listed = workspace.do("list", **read)
    far.delete(chunks)
    seeded = workspace.do("untar", target="seeded", seeds=["tree"], **read)

    assert [one.summary for one in (made, fetched, listed, seeded)] == [(0, "done")] * 4
    assert b"folder/file" in listed.output
    assert fetched.statistics["stores"]["far"]["chunks"] >= len(chunks) > 0
    assert seeded.statistics["stores"]["far"]["chunks"] == 0
    for name in ("fetched", "seeded"):
        assert (workspace / name / "folder" / "file").read_bytes() == FIRST


def test_damage_elsewhere_is_found_replaced_and_then_all_is_there(
    workspace: Workspace, far: ObjectPlace
) -> None:
    index = workspace.make("blob", FIRST, store="far")
    workspace.make("blob", store="good")
    whole = contents(far)
    far.put([(name_of(index, 3), b"garbage")], "application/zstd")
    far.put([(name_of(index, 7), b"")], "application/zstd")
    fields: dict[str, Any] = {"indexes": ["blob.caibx"], "stores": ["far"], "content": True}
    before = workspace.do("verify-chunks", **fields)
    repaired = workspace.do("verify", store="far", repair_from=["good"])
    after = workspace.do("verify-chunks", **fields)

    assert before.result.exit_code == 4
    assert repaired.summary == (0, "done")
    assert repaired.statistics["replaced"] == 2
    assert contents(far) == whole
    assert after.summary == (0, "done")
