from pathlib import Path
from typing import cast

import pytest

from desync_jobs.codecs.aead import Cipher, CipherAlgorithm
from desync_jobs.codecs.form import Form
from desync_jobs.core.kernel import best
from desync_jobs.stores.base import Chunk, ChunkStore
from desync_jobs.stores.forms import ChunkForms
from desync_jobs.stores.local import LocalStore
from desync_jobs.stores.objects.store import ObjectStore
from desync_jobs.stores.policy.values import Policy
from desync_jobs.stores.reader import Reader
from desync_jobs.testing.faulty import FaultyStore
from desync_jobs.testing.memory import MemoryStore
from desync_jobs.testing.objects import MemoryPlace
from desync_jobs.testing.store_contract import StoreContract


class LocalContract(StoreContract):
    forms: ChunkForms

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        self.root = tmp_path / "new.castr"

    @pytest.fixture
    def store(self) -> ChunkStore:
        return LocalStore("local", str(self.root), Reader(best()), self.forms)

    def overwrite(self, store: ChunkStore, chunk: Chunk, data: bytes) -> None:
        del store
        file = self.root / self.forms.own.name(chunk.id)
        file.chmod(0o644)
        file.write_bytes(data)


class TestLocalZstd(LocalContract):
    forms = ChunkForms()


class TestLocalPlain(LocalContract):
    forms = ChunkForms(Form.PLAIN)


class TestLocalEncrypted(LocalContract):
    forms = ChunkForms(layer=Cipher(CipherAlgorithm.XCHACHA20_POLY1305, bytes(32)))


class TestLocalOwnFormOnly(LocalContract):
    forms = ChunkForms(reads_both=False)


class TestMemory(StoreContract):
    @pytest.fixture
    def store(self) -> ChunkStore:
        return MemoryStore()

    def overwrite(self, store: ChunkStore, chunk: Chunk, data: bytes) -> None:
        cast("MemoryStore", store).plain[chunk.id] = data


class ObjectContract(StoreContract):
    forms: ChunkForms

    @pytest.fixture
    def store(self) -> ChunkStore:
        self.place = MemoryPlace()
        policy = Policy(backoff=0.001)
        return ObjectStore(self.place, Reader(best(), limit=1 << 20), self.forms, policy)

    def overwrite(self, store: ChunkStore, chunk: Chunk, data: bytes) -> None:
        del store
        self.place.objects[self.forms.own.name(chunk.id)] = data


class TestObjectsZstd(ObjectContract):
    forms = ChunkForms()


class TestObjectsPlainAlone(ObjectContract):
    forms = ChunkForms(Form.PLAIN, reads_both=False)


class TestFaultyWithoutFaults(StoreContract):
    @pytest.fixture
    def store(self) -> ChunkStore:
        return FaultyStore(MemoryStore())

    def overwrite(self, store: ChunkStore, chunk: Chunk, data: bytes) -> None:
        inner = cast("FaultyStore", store).inner
        cast("MemoryStore", inner).plain[chunk.id] = data
