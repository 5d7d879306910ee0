"""casync, which fetches chunks and an index from this program's servers."""

import subprocess
from pathlib import Path

from desync_jobs.testing.programs import require_program
from tests.blobs import blob
from tests.servers.own import chunk_server, own_server
from tests.workspace import Workspace


def test_casync_extracts_over_http(workspace: Workspace, tmp_path: Path) -> None:
    program = require_program("casync")
    workspace.make("blob", blob("first"))
    indexes = ("index-server", "-s", ".", "-l", "127.0.0.1:0")
    with (
        chunk_server("-s", "store", directory=workspace.path) as chunks,
        own_server(*indexes, directory=workspace.path) as server,
    ):
        url = f"{server.url}/blob.caibx"
        command = [program, "extract", f"--store={chunks.url}", url, str(tmp_path / "out")]
        subprocess.run(command, check=True, timeout=60, cwd=tmp_path)

    assert (tmp_path / "out").read_bytes() == blob("first")
