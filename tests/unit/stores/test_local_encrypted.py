from pathlib import Path

import pytest

from desync_jobs.codecs.aead import Cipher, CipherAlgorithm
from desync_jobs.codecs.form import Form
from desync_jobs.core.kernel import best
from desync_jobs.errors import ChunkInvalidError, ChunkMissingError
from desync_jobs.stores.base import Chunk, Presence
from desync_jobs.stores.forms import ChunkForms
from desync_jobs.stores.local import LocalStore
from desync_jobs.stores.reader import Reader
from desync_jobs.testing.chunks import make_chunk, make_chunks

AES = Cipher(CipherAlgorithm.AES_256_GCM, bytes(range(32)))
CHACHA = Cipher(CipherAlgorithm.XCHACHA20_POLY1305, bytes(range(32)))
OTHER = Cipher(CipherAlgorithm.AES_256_GCM, bytes(32))
CHUNKS = make_chunks(3)
IDS = [chunk.id for chunk in CHUNKS]


def opened(root: Path, cipher: Cipher | None, writes: Form = Form.ZSTD) -> LocalStore:
    return LocalStore("s", str(root), Reader(best()), ChunkForms(writes, layer=cipher))


def names(root: Path) -> set[str]:
    return {path.name for path in root.glob("*/*")}


def only_file(root: Path) -> Path:
    (path,) = root.glob("*/*")
    return path


@pytest.mark.parametrize("cipher", [AES, CHACHA])
def test_names_carry_algorithm_and_key(tmp_path: Path, cipher: Cipher) -> None:
    opened(tmp_path, cipher).put(CHUNKS)

    assert names(tmp_path) == {f"{one.hex()}.cacnk{cipher.suffix}" for one in IDS}


def test_what_is_on_disk_is_encrypted_after_it_was_compressed(tmp_path: Path) -> None:
    chunk = make_chunk(b"a" * 10_000)
    opened(tmp_path / "sealed", AES).put([chunk])
    opened(tmp_path / "zstd", None).put([chunk])
    data = only_file(tmp_path / "sealed").read_bytes()

    assert AES.open(data) == only_file(tmp_path / "zstd").read_bytes()
    assert len(data) < 200


def test_plain_chunks_are_encrypted_as_they_are(tmp_path: Path) -> None:
    opened(tmp_path, CHACHA, Form.PLAIN).put(CHUNKS[:1])
    path = only_file(tmp_path)

    assert path.name == f"{IDS[0].hex()}{CHACHA.suffix}"
    assert CHACHA.open(path.read_bytes()) == CHUNKS[0].plain


def test_a_chunk_that_desync_encrypted_is_read(tmp_path: Path) -> None:
    chunk = make_chunk(b"some data")
    folder = tmp_path / chunk.id.hex()[:4]
    folder.mkdir()
    data = "88444162993d2495f4c44a389b6e9ac930c8370c2d0ef2208172500222e770a21f3c3b60c0"
    (folder / f"{chunk.id.hex()}.aes-256-gcm-630dcd29").write_bytes(bytes.fromhex(data))

    (answer,) = opened(tmp_path, AES, Form.PLAIN).fetch([chunk.id])

    assert isinstance(answer, Chunk)
    assert answer.plain == b"some data"


@pytest.mark.parametrize("cipher", [OTHER, CHACHA, None])
def test_what_is_sealed_otherwise_is_missing(tmp_path: Path, cipher: Cipher | None) -> None:
    opened(tmp_path, AES).put(CHUNKS)
    other = opened(tmp_path, cipher)

    assert isinstance(other.fetch(IDS[:1])[0], ChunkMissingError)
    assert other.presence(IDS) == [Presence.NO] * 3
    assert list(other.entries()) == []


def test_differently_sealed_chunks_live_side_by_side(tmp_path: Path) -> None:
    ciphers = [AES, CHACHA, OTHER, None]
    for cipher in ciphers:
        opened(tmp_path, cipher).put(CHUNKS)

    for cipher in ciphers:
        store = opened(tmp_path, cipher)
        assert all(isinstance(answer, Chunk) for answer in store.fetch(IDS))
        assert {entry.id for entry in store.entries()} == set(IDS)
    assert len(names(tmp_path)) == len(ciphers) * len(CHUNKS)


def test_a_sealed_chunk_that_was_changed_is_invalid(tmp_path: Path) -> None:
    store = opened(tmp_path, AES)
    store.put(CHUNKS[:1])
    path = only_file(tmp_path)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"x")

    (answer,) = store.fetch(IDS[:1])

    assert isinstance(answer, ChunkInvalidError)
    assert "cannot be decrypted: it is damaged or sealed with another key" in str(answer)


def test_a_sealed_chunk_under_another_name_is_invalid(tmp_path: Path) -> None:
    store = opened(tmp_path, AES)
    store.put(CHUNKS[:1])
    path = only_file(tmp_path)
    folder = tmp_path / IDS[1].hex()[:4]
    folder.mkdir(exist_ok=True)
    path.rename(folder / path.name.replace(IDS[0].hex(), IDS[1].hex()))

    (answer,) = store.fetch(IDS[1:2])

    assert isinstance(answer, ChunkInvalidError)
    assert f"its content has the digest {IDS[0].hex()}" in str(answer)


@pytest.mark.parametrize(("source", "target"), [(None, AES), (AES, None), (AES, CHACHA)])
def test_only_the_seal_is_changed_between_stores(
    tmp_path: Path, source: Cipher | None, target: Cipher | None
) -> None:
    # Level 19 makes other bytes than the target's own level would.
    forms = ChunkForms(level=19, layer=source)
    first = LocalStore("a", str(tmp_path / "a"), Reader(best()), forms)
    first.put(CHUNKS[:1])
    fetched = [one for one in first.fetch(IDS[:1]) if isinstance(one, Chunk)]
    opened(tmp_path / "b", target).put(fetched)
    before, after = (only_file(tmp_path / name).read_bytes() for name in "ab")

    assert (target.open(after) if target else after) == (source.open(before) if source else before)


def test_counts_and_sizes_are_those_of_the_files(tmp_path: Path) -> None:
    store = opened(tmp_path, AES)
    stored = store.put(CHUNKS)
    store.fetch(IDS)
    size = sum(path.stat().st_size for path in tmp_path.glob("*/*"))

    assert stored.size == size == store.counts()["s"].stored_bytes
    assert sum(one.size or 0 for one in store.stored_sizes(IDS)) == size
