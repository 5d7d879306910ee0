"""The contract of stores, on this program's own chunk server in each form that chunks travel in."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from desync_jobs.codecs.aead import Cipher, CipherAlgorithm
from desync_jobs.codecs.form import Form
from desync_jobs.core.kernel import best
from desync_jobs.errors import StoreError
from desync_jobs.manifest.capability import Capability
from desync_jobs.stores.base import Chunk, ChunkStore, Presence, StoredEntry, StoredSize
from desync_jobs.stores.forms import ChunkForms
from desync_jobs.stores.local import LocalStore
from desync_jobs.stores.reader import Reader
from desync_jobs.testing.chunks import make_chunks
from desync_jobs.testing.store_contract import StoreContract, ids_of
from tests.servers.http_places import QUICK, http_store
from tests.servers.own import OwnServer, chunk_server

KEY: Final = bytes(range(32))
KEPT: Final = ChunkForms(reads_both=False)
"""The form of the store that is served, whatever travels."""


class OwnServerContract(StoreContract):
    """One server for a class; its store is emptied for each test."""

    capabilities = frozenset({Capability.READ, Capability.WRITE, Capability.PRESENCE})
    forms = ChunkForms(reads_both=False)
    flags: tuple[str, ...] = ()
    environment: Mapping[str, str] = {}

    @pytest.fixture(scope="class")
    @classmethod
    def server(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[OwnServer, Path]]:
        directory = tmp_path_factory.mktemp("own")
        arguments = ("-s", "store", "-w", *cls.flags)
        with chunk_server(*arguments, directory=directory, environment=cls.environment) as server:
            yield server, directory / "store"

    @pytest.fixture
    def store(self, server: tuple[OwnServer, Path]) -> ChunkStore:
        running, self.root = server
        for directory in self.root.glob("*"):
            shutil.rmtree(directory)
        return http_store(running.url, self.forms, QUICK)

    def overwrite(self, store: ChunkStore, chunk: Chunk, data: bytes) -> None:
        del store
        path = self.root / KEPT.own.name(chunk.id)
        path.unlink(missing_ok=True)
        path.write_bytes(data)

    def listed(self, store: ChunkStore) -> list[StoredEntry]:
        """List what is kept, with the sizes that travel."""
        del store
        kept = LocalStore("kept", str(self.root), Reader(best(), limit=1 << 20), KEPT)
        chunks = kept.fetch([entry.id for entry in kept.entries()])
        return [
            StoredEntry(chunk.id, self.forms.own.form, len(self.forms.encode(chunk)))
            for chunk in chunks
            if isinstance(chunk, Chunk)
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


class TestOwnServerZstd(OwnServerContract):
    pass


class ConvertingContract(OwnServerContract):
    """What travels is made when it is asked for, so its size is not told before."""

    def told(self, store: ChunkStore, entry: StoredEntry) -> StoredSize:
        return StoredSize(Presence.YES, (store.name,), None, entry.form)


class TestOwnServerPlain(ConvertingContract):
    """Plain chunks travel, of a store that keeps them compressed."""

    forms = ChunkForms(Form.PLAIN, reads_both=False)
    flags = ("-u",)


class TestOwnServerEncrypted(ConvertingContract):
    """Encrypted chunks travel, of a store that knows no key."""

    forms = ChunkForms(layer=Cipher(CipherAlgorithm.AES_256_GCM, KEY), reads_both=False)
    flags = ("--encryption-algorithm", "aes-256-gcm")
    environment: Mapping[str, str] = {"DESYNC_ENCRYPTION_KEY": KEY.hex()}
