"""Operations whose chunks are in an OCI registry."""

import re
from collections.abc import Iterator

import pytest

from desync_jobs.errors import ManifestError
from desync_jobs.planner.cost import Bounds
from desync_jobs.stores.oci.layout import digest_of
from tests.blobs import blob
from tests.conftest import Run
from tests.servers.registry import Registry, running_registry
from tests.workspace import Workspace, ids_of

FIRST = blob("first")
QUICK = {"attempts": 2, "backoff": "1ms"}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with running_registry(tmp_path_factory.mktemp("registry") / "server") as server:
        yield server


@pytest.fixture
def repository(
    registry: Registry,
    workspace: Workspace,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """The repository behind the store `hub`, with nothing in it."""
    monkeypatch.setenv("DOCKER_CONFIG", "/nowhere")
    name = "tests/" + re.sub("[^a-z]+", "-", request.node.name).strip("-")
    workspace.places["hub"] = {"url": f"oci+http://{registry.server}/{name}", "policy": QUICK}
    return name


def test_what_is_made_into_a_registry_is_extracted_verified_and_told_about(
    workspace: Workspace, registry: Registry, repository: str
) -> None:
    index = workspace.make("blob", FIRST, store="hub")
    tags = [f"{chunk_id.hex()}.cacnk" for chunk_id in sorted(set(ids_of(index)))]

    assert registry.tags(repository) == tags
    ended = workspace.do("extract", index="blob.caibx", target="out", stores=["hub"])
    assert ended.summary == (0, "done")
    assert (workspace / "out").read_bytes() == FIRST
    ended = workspace.do("verify", store="hub")
    assert ended.summary[0] == 0
    assert ended.statistics["chunks"] == len(tags)
    ended = workspace.do("info", index="blob.caibx", stores=["hub"])
    assert ended.statistics["in-store"] == len(tags)


def test_the_plan_says_what_is_read_from_a_registry(workspace: Workspace, repository: str) -> None:
    assert repository
    workspace.make("blob", FIRST, store="hub")
    fields = {"kind": "extract", "index": "blob.caibx", "target": "out", "stores": ["hub"]}
    (step,) = workspace.plan({"extract": fields}).steps
    ended = workspace.run({"extract": fields})

    read = ended.statistics["stores"]["hub"]
    (said,) = [amount for amount in step.cost.reads if amount.place == "hub"]
    assert (said.chunks, said.bytes, said.requests, said.stored) == (
        read["chunks"],
        read["bytes"],
        read["requests"],
        Bounds(read["stored_bytes"], read["stored_bytes"]),
    )


def test_a_chunk_that_is_damaged_in_a_registry_is_removed_by_repairing(
    workspace: Workspace, registry: Registry, repository: str
) -> None:
    # Uncompressed, so that the registry shares the blob with no other test.
    workspace.places["hub"]["compression"] = "none"
    index = workspace.make("blob", FIRST, store="hub")
    tag = index.id(3).hex()
    registry.file_of(digest_of(registry.blob(repository, tag))).write_bytes(b"garbage")

    ended = workspace.do("verify", store="hub")
    assert (ended.result.exit_code, ended.statistics["damaged"]) == (4, [tag])
    ended = workspace.do("verify", store="hub", repair=True)
    assert ended.statistics["removed"] == 1
    assert tag not in registry.tags(repository)
    ended = workspace.do("extract", index="blob.caibx", target="out", stores=["hub"])
    assert ended.result.exit_code == 5
    assert f"chunk {tag} is missing from hub" in ended.message


def test_damage_that_a_registry_keeps_is_not_said_to_be_repaired(
    workspace: Workspace, registry: Registry, repository: str
) -> None:
    workspace.places["hub"]["compression"] = "none"
    index = workspace.make("blob", FIRST[::-1], store="hub")
    workspace.make("blob", store="good")
    blob_file = registry.file_of(digest_of(registry.blob(repository, index.id(3).hex())))
    right = blob_file.read_bytes()
    blob_file.write_bytes(b"garbage")
    fields = {"indexes": ["blob.caibx"], "stores": ["hub"], "content": True}

    assert workspace.do("verify-chunks", **fields).result.exit_code == 4
    # It believes to have what it is given, by its digest, and takes it no second time.
    ended = workspace.do("verify", store="hub", repair_from=["good"])
    assert (ended.result.exit_code, ended.statistics["replaced"]) == (4, 0)
    assert "the store gives the old one" in ended.warnings[0]
    blob_file.write_bytes(right)
    assert workspace.do("verify-chunks", **fields).summary == (0, "done")


def test_a_registry_is_a_cache(workspace: Workspace, registry: Registry, repository: str) -> None:
    index = workspace.make("blob", FIRST)
    fields = {"index": "blob.caibx", "target": "out", "stores": ["store"], "cache": "hub"}
    first = workspace.do("extract", **fields)
    (workspace / "out").unlink()
    second = workspace.do("extract", **fields)

    assert [first.summary, second.summary] == [(0, "done")] * 2
    assert 0 < len(registry.tags(repository)) <= len(set(ids_of(index)))
    assert second.statistics["stores"]["store"]["requests"] == 0


def test_a_registry_is_named_on_a_command_line(
    workspace: Workspace, registry: Registry, repository: str, desync_run: Run
) -> None:
    (workspace / "blob").write_bytes(FIRST)
    url = f"oci+http://{registry.server}/{repository}/"
    made = desync_run("make", "-s", url, "blob.caibx", "blob")
    extracted = desync_run("extract", "-s", url, "blob.caibx", "out")

    assert (made.returncode, extracted.returncode) == (0, 0), made.stderr + extracted.stderr
    assert (workspace / "out").read_bytes() == FIRST


def test_an_index_in_a_registry_is_refused(workspace: Workspace, repository: str) -> None:
    url = f"{workspace.places['hub']['url']}/blob.caibx"
    with pytest.raises(ManifestError, match="an OCI registry"):
        workspace.do("extract", index=url, target="out", stores=["hub"])

    assert repository
