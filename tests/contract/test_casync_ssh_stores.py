"""What the contract says of reading, on real servers of casync's protocol behind a real sshd."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from desync_jobs.core.kernel import best
from desync_jobs.errors import ChunkMissingError, StoreError
from desync_jobs.manifest.capability import Capability
from desync_jobs.stores.base import Chunk, ChunkStore, StoredEntry
from desync_jobs.stores.casync_ssh.command import SshPlace, pull_command
from desync_jobs.stores.casync_ssh.store import CasyncSshStore
from desync_jobs.stores.forms import ChunkForms
from desync_jobs.stores.local import LocalStore
from desync_jobs.stores.policy.hosts import Budget
from desync_jobs.stores.policy.values import NeverStopped, Policy
from desync_jobs.stores.reader import Reader
from desync_jobs.testing.chunks import make_chunks
from desync_jobs.testing.programs import require_program
from desync_jobs.testing.store_contract import StoreContract, ids_of, plain_of
from tests.servers.sshd import Sshd, running_sshd

QUICK = Policy(attempts=2, backoff=0.01)


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running_sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


class PullContract(StoreContract):
    capabilities = frozenset({Capability.READ})
    remote: str

    @pytest.fixture
    def store(self, sshd: Sshd, tmp_path: Path) -> Iterator[ChunkStore]:
        self.root = tmp_path / "it's a store.castr"
        self.root.mkdir()
        self.behind = LocalStore("behind", str(self.root), Reader(best()))
        place = SshPlace("127.0.0.1", str(self.root), sshd.user, sshd.port)
        environment = {"CASYNC_SSH_PATH": str(sshd.program), "CASYNC_REMOTE_PATH": self.remote}
        store = CasyncSshStore(
            "remote",
            pull_command(place, environment),
            Reader(best(), limit=1 << 20),
            Budget(QUICK),
            QUICK,
            NeverStopped(),
        )
        yield store
        store.close()

    def fill(self, store: ChunkStore, chunks: Sequence[Chunk]) -> None:
        del store
        self.behind.put(chunks)

    def listed(self, store: ChunkStore) -> list[StoredEntry]:
        del store
        return list(self.behind.entries())

    def overwrite(self, store: ChunkStore, chunk: Chunk, data: bytes) -> None:
        del store
        file = self.root / ChunkForms().own.name(chunk.id)
        file.chmod(0o644)
        file.write_bytes(data)


class TestOurPull(PullContract):
    remote = f"env PYTHONPATH={os.getcwd()} {sys.executable} -m desync_jobs"

    @pytest.mark.parametrize("data", [b"garbage", b"", b"\x28\xb5\x2f\xfd"])
    def test_a_damaged_chunk_is_an_answer_among_others(
        self, store: ChunkStore, data: bytes
    ) -> None:
        chunks = make_chunks(3)
        self.fill(store, chunks)
        self.overwrite(store, chunks[1], data)

        first, missing, last = store.fetch(ids_of(chunks))

        assert plain_of([first, last]) == [chunks[0].plain, chunks[2].plain]
        assert isinstance(missing, ChunkMissingError), "the protocol has no word for damage"


class TestCasyncPull(PullContract):
    remote = "casync"

    @pytest.fixture(autouse=True)
    def _casync(self) -> None:
        require_program("casync")

    @pytest.mark.parametrize("data", [b"garbage", b"", b"\x28\xb5\x2f\xfd"])
    def test_a_damaged_chunk_is_an_answer_among_others(
        self, store: ChunkStore, data: bytes
    ) -> None:
        chunks = make_chunks(3)
        self.fill(store, chunks)
        self.overwrite(store, chunks[1], data)

        with pytest.raises(StoreError, match="store remote: it "):
            store.fetch(ids_of(chunks))
        assert plain_of(store.fetch(ids_of(chunks)[:1])) == [chunks[0].plain]
