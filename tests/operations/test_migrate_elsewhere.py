"""Migrations between real servers: S3, SFTP, HTTP, casync's protocol and registries."""

import json
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from subprocess import Popen
from typing import Any, TypeAlias

import pytest

from desync_jobs.core.kernel import best
from desync_jobs.errors import ManifestError
from desync_jobs.stores.open import Surroundings, open_forms
from desync_jobs.stores.policy.values import NeverStopped
from desync_jobs.stores.reader import Reader
from tests.blobs import blob
from tests.conftest import Run, command_line
from tests.interop.casync import casync
from tests.servers.nginx import Nginx, running_nginx
from tests.servers.own import chunk_server
from tests.servers.rclone import running_rclone
from tests.servers.registry import running_registry
from tests.servers.s3_places import ENVIRONMENT, open_remote
from tests.servers.sftp_places import make_home
from tests.servers.sshd import Sshd, running_sshd
from tests.workspace import Ended, Workspace, chunk_files

NewPlace: TypeAlias = Callable[[str], str]
"""Returns the URL of a place of a name."""
FIRST, SECOND = blob("first"), blob("second")
NAMES = ("first.caibx", "a b/50%.caibx")
KEY = {"command": ["printf", "%064d", "7"]}
OTHER_KEY = {"command": ["printf", "%064d", "8"]}
ROOTS = [{"url": "images"}]
FAR: dict[str, Any] = {"policy": {"attempts": 2, "backoff": "1ms"}, "leases": False}
"""What else is said of places; where everybody may overwrite, a lease takes its time."""


@pytest.fixture(scope="module", autouse=True)
def _keys() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rclone") / "served"


@pytest.fixture(scope="module")
def s3(served: Path) -> Iterator[NewPlace]:
    with running_rclone(served) as server:
        yield server.place


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    directory = tmp_path_factory.mktemp("sshd")
    with running_sshd(directory / "server") as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(make_home(server, directory / "home")))
        patch.setenv("CASYNC_SSH_PATH", str(server.program))
        patch.delenv("SSH_AUTH_SOCK", raising=False)
        yield server


@pytest.fixture
def sftp(sshd: Sshd, workspace: Workspace) -> NewPlace:
    return lambda name: sshd.url("sftp", workspace / "far" / name)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewPlace]:
    with running_registry(tmp_path_factory.mktemp("registry") / "server") as server:
        yield lambda name: f"oci+http://{server.server}/{name}"


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with running_nginx(tmp_path_factory.mktemp("nginx") / "n") as server:
        yield server


@pytest.fixture
def images(workspace: Workspace) -> Workspace:
    """The store `old` with the chunks of two blobs in xz, whose indexes are in `images`."""
    (workspace / "images" / "a b").mkdir(parents=True)
    for name, content in zip(NAMES, (FIRST, SECOND), strict=True):
        (workspace / "blob").write_bytes(content)
        casync(
            workspace.path, "make", "--compression=xz", "--chunk-size=8192", "--store=old",
            f"images/{name}", "blob",
        )  # fmt: skip
    return workspace


def migrate(workspace: Workspace, **fields: Any) -> Ended:
    given = {"stores": ["old"], "store": "far", "roots": ROOTS, **fields}
    return workspace.do("migrate", **given)


def put_at(workspace: Workspace, url: str, **fields: Any) -> None:
    workspace.places["far"] = {**FAR, "url": url, **fields}


def _suffix(workspace: Workspace, store: str) -> str:
    """Return how names of chunks end in a store with a key."""
    job = workspace.job({"verify": {"kind": "verify", "store": store}})
    reader = Reader(best())
    around = Surroundings(job, reader, NeverStopped(), print)
    return open_forms(store, around).own.suffix


def whole(workspace: Workspace, store: str, index: str) -> bytes:
    ended = workspace.do("extract", index=index, target="copy", stores=[store])
    assert ended.summary == (0, "done"), ended.message
    return (workspace / "copy").read_bytes()


@pytest.mark.parametrize("kind", ["s3", "sftp"])
def test_a_store_and_its_indexes_move_to_a_server_and_follow_what_is_there(
    images: Workspace, request: pytest.FixtureRequest, kind: str
) -> None:
    new: NewPlace = request.getfixturevalue(kind)
    put_at(images, new("chunks"))
    to = new("indexes")
    first = migrate(images, indexes_to=to, report="report.json")
    again = migrate(images, indexes_to=to, report="again.json")
    (images / "images" / "first.caibx").unlink()
    gone = migrate(images, indexes_to=to, remove_gone=True)

    assert first.summary == (0, "done"), first.message
    assert first.statistics["chunks_stored"] == len(chunk_files(images / "old"))
    assert again.statistics["chunks_stored"] == again.statistics["indexes_written"] == 0
    assert (images / "report.json").read_bytes() == (images / "again.json").read_bytes()
    assert gone.summary == (0, "done"), gone.message
    assert [one.name for one in open_remote(to).entries("")] == ["a b/50%.caibx"]
    assert whole(images, "far", f"{to}/a%20b/50%25.caibx") == SECOND


def test_a_store_moves_into_a_registry_and_back_with_nothing_lost(
    images: Workspace, registry: NewPlace
) -> None:
    put_at(images, registry("there/and/back"))
    there = migrate(images)
    back = migrate(images, stores=["far"], store="near", roots=None)
    again = migrate(images)

    assert there.summary == (0, "done"), there.message
    assert back.summary == (0, "done"), back.message
    assert again.summary == (0, "unchanged")
    assert whole(images, "near", "images/first.caibx") == FIRST


def test_indexes_do_not_go_to_a_registry(images: Workspace, registry: NewPlace) -> None:
    with pytest.raises(ManifestError) as caught:
        migrate(images, indexes_to=registry("indexes"))

    (problem,) = caught.value.problems
    assert "registry" in problem.message


@pytest.mark.parametrize("server", ["nginx", "own"])
def test_chunks_of_a_web_server_are_migrated_by_indexes_and_not_as_a_whole(
    images: Workspace, nginx: Nginx, server: str
) -> None:
    migrate(images, store="zstd")
    with ExitStack() as running:
        if server == "nginx":
            shutil.copytree(images / "zstd", nginx.root / images.path.name / "chunks")
            shutil.copytree(images / "images", nginx.root / images.path.name / "images")
            url = f"{nginx.url}/{images.path.name}"
            indexes = [f"{url}/images/first.caibx", f"{url}/images/a%20b/50%25.caibx"]
            put_at(images, f"{url}/chunks")
        else:
            own = running.enter_context(chunk_server("-s", "zstd", directory=images.path))
            indexes = [f"images/{name}" for name in NAMES]
            put_at(images, own.url)
        fields = {"stores": ["far"], "store": "new", "indexes_to": "moved"}
        done = migrate(images, **fields, roots=None, indexes=indexes, digest="sha256")
        listed = migrate(images, **{**fields, "indexes_to": None}, roots=None)
        below = migrate(images, **fields, roots=[{"url": "http://127.0.0.1:1/images/"}])

    assert done.summary == (0, "done"), done.message
    assert whole(images, "new", "moved/50%.caibx") == SECOND
    assert listed.message == "store far: an HTTP place cannot be listed, which migrate needs"
    assert below.message == (
        "http://127.0.0.1:1/images/: cannot be listed; name its indexes one by one"
    )
    assert listed.result.exit_code == below.result.exit_code == 64


def test_chunks_of_casyncs_own_protocol_are_read_by_indexes_and_never_written(
    images: Workspace, sshd: Sshd
) -> None:
    put_at(images, sshd.url("ssh", images / "old"))
    read = migrate(images, stores=["far"], store="new", indexes_to="moved")
    listed = migrate(images, stores=["far"], store="new", roots=None)
    written = migrate(images, store="far")

    assert read.summary == (0, "done"), read.message
    assert whole(images, "new", "moved/first.caibx") == FIRST
    assert [one.message for one in (listed, written)] == [
        f"store far: a casync server over SSH cannot be {what}, which migrate needs"
        for what in ("listed", "asked what it has")
    ]


def test_the_key_of_a_store_elsewhere_is_rotated(images: Workspace, s3: NewPlace) -> None:
    place = s3(f"sealed/{images.path.name}")
    sealed = {**FAR, "url": place}
    images.places["old-key"] = {**sealed, "encryption": {"key": KEY}}
    images.places["new-key"] = {**sealed, "encryption": {"key": OTHER_KEY}}
    migrate(images, store="old-key")
    rotated = migrate(images, stores=["old-key"], store="new-key")

    assert rotated.summary == (0, "done"), rotated.message
    stored = open_remote(place)
    parts = (one.name.partition(".") for one in stored.entries(""))
    kinds = Counter(suffix for _, dot, suffix in parts if dot)
    assert len(kinds) == 2
    assert len(set(kinds.values())) == 1
    for one in list(stored.entries("")):
        if one.name.endswith(_suffix(images, "old-key")):
            stored.delete([one.name])
    assert whole(images, "new-key", "images/first.caibx") == FIRST
    lost = images.do("extract", index="images/first.caibx", target="copy", stores=["old-key"])
    assert lost.result.exit_code in (0, 5)


def settled(count: Callable[[], int]) -> int:
    """Return a count that is the same for a second: a server ends requests of who is gone."""
    before, now = -1, count()
    while now != before:
        time.sleep(1)
        before, now = now, count()
    return now


def test_a_migration_to_a_server_that_is_killed_goes_on(
    images: Workspace, s3: NewPlace, served: Path, environment: Mapping[str, str], desync_run: Run
) -> None:
    url = s3(f"killed/{images.path.name}")
    operation = {"kind": "migrate", "stores": ["old"], "store": "far", "roots": ROOTS}
    document = {
        "version": 1,
        "engine": {"kind": "local", "workers": 1},
        "stores": {"old": {"url": "old"}, "far": {**FAR, "url": f"{url}/chunks"}},
        "operations": {"move": {**operation, "indexes_to": f"{url}/indexes"}},
    }
    (images / "job.json").write_text(json.dumps(document))
    command = ["job.json"]
    chunks = served / "bucket" / "killed" / images.path.name / "chunks"
    with Popen(command_line(command), cwd=images.path, env={**environment, **ENVIRONMENT}) as one:
        while one.poll() is None and sum(1 for _ in chunks.glob("????/*")) < 5:
            time.sleep(0.001)
        one.kill()
    there = settled(lambda: len(list(chunks.glob("????/*"))))
    indexes = list((chunks.parent / "indexes").rglob("*.caibx"))
    ended = desync_run(*command, "--json", **ENVIRONMENT)
    again = desync_run(*command, "--json", **ENVIRONMENT)
    put_at(images, f"{url}/chunks")

    assert one.returncode == -signal.SIGKILL
    assert indexes == []
    assert ended.returncode == 0, ended.stderr
    (told,) = json.loads(ended.stdout)["operations"]
    assert told["statistics"]["chunks_stored"] == len(chunk_files(images / "old")) - there
    assert json.loads(again.stdout)["operations"][0]["status"] == "unchanged"
    assert whole(images, "far", f"{url}/indexes/first.caibx") == FIRST
