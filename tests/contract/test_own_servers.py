"""The contract of stores, on this program's own chunk server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from desync_jobs.errors import StoreError
from desync_jobs.manifest.capability import Capability
from desync_jobs.stores.base import Chunk, ChunkStore, StoredEntry
from desync_jobs.stores.forms import ChunkForms
from desync_jobs.testing.chunks import make_chunks
from desync_jobs.testing.store_contract import StoreContract, ids_of
from tests.servers.http_places import QUICK, http_store
from tests.servers.own import OwnServer, chunk_server


class OwnServerContract(StoreContract):
    capabilities = frozenset({Capability.READ, Capability.WRITE, Capability.PRESENCE})
    forms = ChunkForms(reads_both=False)
    flags: tuple[str, ...] = ()

    @pytest.fixture(autouse=True)
    def _server(self, tmp_path: Path) -> Iterator[OwnServer]:
        self.root = tmp_path / "store"
        with chunk_server("-s", "store", "-w", *self.flags, directory=tmp_path) as server:
            self.server = server
            yield server

    @pytest.fixture
    def store(self) -> ChunkStore:
        return http_store(self.server.url, self.forms, QUICK)

    def overwrite(self, store: ChunkStore, chunk: Chunk, data: bytes) -> None:
        del store
        path = self.root / self.forms.own.name(chunk.id)
        path.unlink(missing_ok=True)
        path.write_bytes(data)

    def listed(self, store: ChunkStore) -> list[StoredEntry]:
        del store
        files = [file for file in self.root.glob("*/*") if file.is_file()]
        parsed = [(self.forms.parse(str(file.relative_to(self.root))), file) for file in files]
        return [
            StoredEntry(one[0], one[1].form, file.stat().st_size) for one, file in parsed if one
        ]

    def test_a_damaged_chunk_is_an_answer_among_others(  # type: ignore[override] # one case alone
        self, store: ChunkStore
    ) -> None:
        """Hold the server to an error: it reads an empty file as damaged, and says no more."""
        chunks = make_chunks(2)
        store.put(chunks)
        self.overwrite(store, chunks[0], b"")

        with pytest.raises(StoreError, match="500"):
            store.fetch(ids_of(chunks))


class TestOwnServer(OwnServerContract):
    pass
