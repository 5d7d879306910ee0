"""casync's protocol over a real OpenSSH, with the real casync on either side."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from desync_jobs.testing.programs import require_program
from tests.blobs import blob
from tests.servers.sshd import Sshd, running_sshd

PATIENCE = 60


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running_sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """A folder with a blob, its index and a store that casync made."""
    folder = tmp_path / "it's a store"
    folder.mkdir()
    (folder / "blob").write_bytes(blob("text"))
    command = [require_program("casync"), "make", "--store=s.castr", "blob.caibx", "blob"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=PATIENCE)
    return folder


def run(sshd: Sshd, *command: str | Path, remote: str) -> "subprocess.CompletedProcess[str]":
    """Run a client that reaches `remote` on the other side."""
    environment = dict(os.environ, CASYNC_SSH_PATH=str(sshd.program), CASYNC_REMOTE_PATH=remote)
    return subprocess.run(
        list(map(str, command)),
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


OURS = f"{sys.executable} -m desync_jobs"


def extracted(
    sshd: Sshd, folder: Path, target: Path, *, server: str
) -> "subprocess.CompletedProcess[str]":
    """Extract the blob of `folder` with our client, from a server started with `server`."""
    store = sshd.url("ssh", folder / "s.castr").replace(" ", "%20")
    command: list[str | Path] = [
        *OURS.split(),
        "extract",
        "-s",
        store,
        folder / "blob.caibx",
        target,
    ]
    return run(sshd, *command, remote=server)


def test_chunks_are_extracted_from_casync_on_another_machine(
    sshd: Sshd, remote: Path, tmp_path: Path
) -> None:
    ended = extracted(sshd, remote, tmp_path / "copy", server="casync")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert (tmp_path / "copy").read_bytes() == (remote / "blob").read_bytes()


@pytest.mark.parametrize("server", ["casync", OURS])
def test_a_chunk_that_the_other_machine_lacks_is_missing(
    sshd: Sshd, remote: Path, tmp_path: Path, server: str
) -> None:
    path = min((remote / "s.castr").glob("*/*"))
    path.unlink()
    ended = extracted(sshd, remote, tmp_path / "copy", server=server)

    assert ended.returncode == 5
    assert f"chunk {path.name[:64]} is missing from store" in ended.stderr
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("what", ["chunks", "index and chunks"])
def test_casync_extracts_from_our_pull(sshd: Sshd, remote: Path, tmp_path: Path, what: str) -> None:
    folder = tmp_path / "plainly"
    folder.symlink_to(remote)  # casync does not quote paths for the other shell
    place = f"{sshd.user}@127.0.0.1:{folder}"
    index: list[str | Path] = [f"--store={place}/s.castr", remote / "blob.caibx"]
    if what != "chunks":
        (remote / "default.castr").symlink_to(remote / "s.castr")
        index = [f"{place}/blob.caibx"]
    command = [require_program("casync"), "extract", *index, tmp_path / "copy"]
    ended = run(sshd, *command, remote=OURS)

    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "copy").read_bytes() == (remote / "blob").read_bytes()


def test_our_client_and_our_server_understand_each_other(
    sshd: Sshd, remote: Path, tmp_path: Path
) -> None:
    ended = extracted(sshd, remote, tmp_path / "copy", server=OURS)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert (tmp_path / "copy").read_bytes() == (remote / "blob").read_bytes()


def test_a_host_key_that_is_not_known_is_refused(sshd: Sshd, remote: Path, tmp_path: Path) -> None:
    strange = tmp_path / "ssh"
    strange.write_text(
        f'#!/bin/sh\nexec {sshd.program} -o UserKnownHostsFile={tmp_path}/nobody "$@"\n'
    )
    strange.chmod(0o755)
    client = Sshd(sshd.port, sshd.user, sshd.directory, strange)
    ended = extracted(client, remote, tmp_path / "copy", server="casync")

    assert ended.returncode == 1
    assert "Host key verification failed" in ended.stderr
    assert not (tmp_path / "copy").exists()
