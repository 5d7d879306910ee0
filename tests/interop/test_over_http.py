"""Stores over HTTP, between this program and others: who reads what whom made, through nginx.

casync reads by its helper for HTTP, which comes with it; it does not write there.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from desync_jobs.testing.programs import desync_program
from tests.blobs import blob
from tests.interop.casync import casync
from tests.servers.nginx import Nginx, free_port, running_nginx, wait_for_port
from tests.servers.own import chunk_server
from tests.workspace import Workspace, chunk_files

FIRST, SECOND = blob("first"), blob("second")
SIZES = {"casync": "8192", "desync": "2:8:32"}
QUICK = {"attempts": 1}


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with running_nginx(tmp_path_factory.mktemp("nginx") / "n") as server:
        yield server


@pytest.fixture
def base(nginx: Nginx, workspace: Workspace) -> str:
    """A URL of this test's own, below which `web` is a store."""
    url = f"{nginx.url}/{workspace.path.name}"
    workspace.places["web"] = {"url": f"{url}/web", "policy": QUICK}
    (workspace / "blob").write_bytes(FIRST)
    return url


def folder(nginx: Nginx, workspace: Workspace) -> Path:
    return nginx.root / workspace.path.name


def desync(where: Path, *arguments: str) -> None:
    subprocess.run(
        [desync_program(), *arguments],
        cwd=where,
        capture_output=True,
        timeout=60,
        check=True,
    )


def publish(workspace: Workspace, base: str) -> None:
    """Put blob, chunks and index there as this program does it."""
    fields = {"blob": "blob", "store": "web", "chunk_size": "2KiB:8KiB:32KiB"}
    ended = workspace.do("make", index=f"{base}/x.caibx", **fields)
    assert ended.summary == (0, "done"), ended.message


def test_casync_extracts_what_was_published_here(workspace: Workspace, base: str) -> None:
    publish(workspace, base)
    casync(workspace.path, "extract", f"--store={base}/web", f"{base}/x.caibx", "out")

    assert (workspace / "out").read_bytes() == FIRST


def test_casync_fetches_only_what_its_seed_lacks(
    workspace: Workspace, base: str, nginx: Nginx
) -> None:
    publish(workspace, base)
    (workspace / "old").write_bytes(SECOND)
    line = ("extract", "--seed=old", f"--store={base}/web", f"{base}/x.caibx", "out")
    casync(workspace.path, *line)

    asked = [
        one
        for one in nginx.requests()
        if one.startswith("GET") and f"{workspace.path.name}/web/" in one
    ]
    assert (workspace / "out").read_bytes() == FIRST
    assert 0 < len(asked) < len(chunk_files(folder(nginx, workspace) / "web"))


@pytest.mark.parametrize("compression", ["zstd", "xz", "gzip"])
def test_what_casync_made_is_extracted_here(
    workspace: Workspace, base: str, nginx: Nginx, compression: str
) -> None:
    there = folder(nginx, workspace)
    there.mkdir()
    (there / "blob").write_bytes(FIRST)
    line = [f"--compression={compression}", f"--chunk-size={SIZES['casync']}", "--store=web"]
    casync(there, "make", *line, "x.caibx", "blob")
    read = {"index": f"{base}/x.caibx", "stores": ["web"]}
    ended = workspace.run(
        {
            "extract": {"kind": "extract", "target": "out", "cache": "near", **read},
            "cat": {"kind": "cat", "output": "catted", **read},
            "info": {"kind": "info", **read},
        }
    )

    assert set(ended.statuses.values()) == {"done"}, ended.result
    assert (workspace / "out").read_bytes() == FIRST
    assert (workspace / "catted").read_bytes() == FIRST
    assert b'"in-store"' in ended.output


def test_casync_extracts_from_the_chunk_server(workspace: Workspace) -> None:
    workspace.make("blob", FIRST)
    with chunk_server("-s", "store", directory=workspace.path) as server:
        casync(workspace.path, "extract", f"--store={server.url}", "blob.caibx", "out")

    assert (workspace / "out").read_bytes() == FIRST


def test_desync_reads_and_writes_by_the_chunk_server(workspace: Workspace) -> None:
    desync_program()
    workspace.make("blob", FIRST)
    with chunk_server("-w", "-s", "store", directory=workspace.path) as server:
        (workspace / "blob").write_bytes(SECOND)
        desync(workspace.path, "make", "-s", server.url, "second.caibx", "blob")
        desync(workspace.path, "extract", "-s", server.url, "blob.caibx", "out")
    ended = workspace.do("extract", index="second.caibx", target="again", stores=["store"])

    assert (workspace / "out").read_bytes() == FIRST
    assert ended.summary == (0, "done"), ended.message
    assert (workspace / "again").read_bytes() == SECOND


def test_the_chunk_server_of_desync_is_read_and_written(workspace: Workspace) -> None:
    program = desync_program()
    workspace.make("blob", FIRST)
    port = free_port()
    listen = ["chunk-server", "-w", "-s", "store", "-l", f"127.0.0.1:{port}"]
    with subprocess.Popen([program, *listen], cwd=workspace.path) as process:
        wait_for_port(port, process)
        workspace.places["web"] = {"url": f"http://127.0.0.1:{port}", "policy": QUICK}
        workspace.make("second", SECOND, store="web")
        ended = [
            workspace.do("extract", index=f"{name}.caibx", target=f"{name}.out", stores=["web"])
            for name in ("blob", "second")
        ]
        process.terminate()

    assert [one.summary for one in ended] == [(0, "done")] * 2
    assert (workspace / "blob.out").read_bytes() == FIRST
    assert (workspace / "second.out").read_bytes() == SECOND


def test_desync_extracts_what_was_published_here(workspace: Workspace, base: str) -> None:
    desync_program()
    publish(workspace, base)
    desync(workspace.path, "extract", "-s", f"{base}/web", f"{base}/x.caibx", "out")

    assert (workspace / "out").read_bytes() == FIRST


def test_desync_publishes_what_is_extracted_here(workspace: Workspace, base: str) -> None:
    desync_program()
    sizes = ("-m", SIZES["desync"])
    desync(workspace.path, "make", *sizes, "-s", f"{base}/web", f"{base}/x.caibx", "blob")
    ended = workspace.do("extract", index=f"{base}/x.caibx", target="out", stores=["web"])

    assert ended.summary == (0, "done"), ended.message
    assert (workspace / "out").read_bytes() == FIRST
