import dataclasses
import itertools
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zstandard

from desync_jobs.codecs.form import Form
from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.core.kernel import best
from desync_jobs.errors import ChunkInvalidError, ChunkMissingError, StoreError
from desync_jobs.formats.index import parse_index
from desync_jobs.stores import local
from desync_jobs.stores.base import BATCH_CHUNKS, Chunk, Presence, Stored, StoredEntry, StoredSize
from desync_jobs.stores.forms import ChunkForms
from desync_jobs.stores.layout import chunk_name, suffix_of
from desync_jobs.stores.local import LocalStore
from desync_jobs.stores.reader import Reader
from desync_jobs.testing.chunks import make_chunk, make_chunks
from tests.vectors.inputs import named

REPOSITORY = Path(__file__).parents[3]
STORES = REPOSITORY / "tests" / "vectors" / "stores"
A, B, C = make_chunks(3)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "new.castr"


@pytest.fixture
def store(root: Path, reader: Reader) -> LocalStore:
    return LocalStore("origin", str(root), reader)


@pytest.fixture
def plain_store(root: Path, reader: Reader) -> LocalStore:
    """A second view of `store`, which writes plain chunks."""
    return LocalStore("plain", str(root), reader, ChunkForms(Form.PLAIN))


def path_of(root: Path, chunk: Chunk, form: Form = Form.ZSTD) -> Path:
    return root / chunk_name(chunk.id, suffix_of(form))


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())


@contextmanager
def without_permission(path: Path) -> Iterator[None]:
    """Be somebody who may not look into `path`."""
    user = os.geteuid()
    path.chmod(0)
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        if user == 0:
            os.seteuid(user)
        path.chmod(0o755)


@pytest.mark.parametrize("writes", [Form.ZSTD, Form.PLAIN])
@pytest.mark.parametrize(
    ("name", "forms"),
    [
        ("zstd", {Form.ZSTD}),
        ("xz", {Form.XZ}),
        ("gzip", {Form.GZIP}),
        ("desync", {Form.ZSTD}),
        ("desync-plain", {Form.PLAIN}),
    ],
)
def test_stores_of_casync_and_desync_are_read_in_every_form(
    name: str, forms: set[Form], writes: Form
) -> None:
    index = parse_index((STORES / "text-200k.caibx").read_bytes(), "text-200k.caibx")
    reader = Reader(best(), (index.algorithm,), index.largest)
    store = LocalStore(name, str(STORES / f"{name}.castr"), reader, ChunkForms(writes))

    answers = store.fetch([index.id(position) for position in range(len(index))])

    chunks = [answer for answer in answers if isinstance(answer, Chunk)]
    assert [len(chunk.plain) for chunk in chunks] == index.lengths().tolist()
    assert b"".join(chunk.plain for chunk in chunks) == named("text-2M")[:200000]
    assert {chunk.form for chunk in chunks} == forms
    assert {entry.id for entry in store.entries()} == {chunk.id for chunk in chunks}
    assert store.examine(list(store.entries())) == [None] * 30


def test_a_compressed_store_keeps_zstd_in_the_layout_of_casync(
    store: LocalStore, root: Path
) -> None:
    stored = store.put([A])

    file = path_of(root, A)
    assert files(root) == [f"{A.id.hex()[:4]}/{A.id.hex()}.cacnk"]
    assert zstandard.decompress(file.read_bytes()) == A.plain
    assert stored == Stored(1, file.stat().st_size)
    assert stat.S_IMODE(file.stat().st_mode) == 0o444


def test_an_uncompressed_store_keeps_the_plain_bytes(plain_store: LocalStore, root: Path) -> None:
    plain_store.put([A])

    assert files(root) == [f"{A.id.hex()[:4]}/{A.id.hex()}"]
    assert path_of(root, A, Form.PLAIN).read_bytes() == A.plain


def test_nothing_is_made_before_something_is_put(store: LocalStore, root: Path) -> None:
    store.presence([A.id])
    store.flush()
    made_before = root.exists()
    store.put([A])

    assert not made_before
    assert stat.S_IMODE(root.stat().st_mode) == 0o755


def test_both_forms_are_read_whichever_is_written(
    store: LocalStore, plain_store: LocalStore, root: Path
) -> None:
    store.put([A])
    plain_store.put([B])

    for one in (store, plain_store):
        answers = one.fetch([A.id, B.id])
        assert [chunk.form for chunk in answers if isinstance(chunk, Chunk)] == [
            Form.ZSTD,
            Form.PLAIN,
        ]
        assert one.presence([A.id, B.id]) == [Presence.YES, Presence.YES]
        assert one.compressed_sizes([A.id, B.id]) == [path_of(root, A).stat().st_size, None]


def test_a_store_reads_its_own_form_first(
    store: LocalStore, plain_store: LocalStore, root: Path
) -> None:
    store.put([A])
    shutil.copy(path_of(root, A), root / "aside")
    path_of(root, A).unlink()
    plain_store.put([A])
    shutil.move(root / "aside", path_of(root, A))

    assert [answer.form for answer in store.fetch([A.id]) if isinstance(answer, Chunk)] == [
        Form.ZSTD
    ]
    assert [answer.form for answer in plain_store.fetch([A.id]) if isinstance(answer, Chunk)] == [
        Form.PLAIN
    ]


def test_a_chunk_kept_in_the_other_form_is_not_put_again(
    store: LocalStore, plain_store: LocalStore, root: Path
) -> None:
    store.put([A])

    assert plain_store.put([A]) == Stored(0, 0)
    assert files(root) == [f"{A.id.hex()[:4]}/{A.id.hex()}.cacnk"]


def test_replacing_leaves_one_file_in_the_store_s_own_form(
    store: LocalStore, plain_store: LocalStore, root: Path
) -> None:
    plain_store.put([A])

    store.replace([A])

    assert files(root) == [f"{A.id.hex()[:4]}/{A.id.hex()}.cacnk"]


def test_a_form_that_no_store_writes_is_refused(reader: Reader) -> None:
    with pytest.raises(ValueError, match="a store writes zstd or plain chunks, not xz"):
        LocalStore("x", "/x", reader, ChunkForms(Form.XZ))


@pytest.mark.parametrize("name", ["zstd", "desync"])
def test_zstd_of_others_is_kept_as_it_is(
    name: str, store: LocalStore, root: Path, reader: Reader
) -> None:
    source = LocalStore(name, str(STORES / f"{name}.castr"), reader)
    ids = [entry.id for entry in source.entries()]

    store.put([chunk for chunk in source.fetch(ids) if isinstance(chunk, Chunk)])

    assert files(root) == files(STORES / f"{name}.castr")
    assert all(
        (root / file).read_bytes() == (STORES / f"{name}.castr" / file).read_bytes()
        for file in files(root)
    )


@pytest.mark.parametrize("name", ["xz", "gzip", "desync-plain"])
def test_every_other_form_is_compressed_anew(
    name: str, store: LocalStore, root: Path, reader: Reader
) -> None:
    source = LocalStore(name, str(STORES / f"{name}.castr"), reader)
    ids = [entry.id for entry in source.entries()]

    store.put([chunk for chunk in source.fetch(ids) if isinstance(chunk, Chunk)])

    assert len(files(root)) == 30
    assert {(root / file).read_bytes()[:4] for file in files(root)} == {b"\x28\xb5\x2f\xfd"}


def test_a_batch_is_digested_at_once(root: Path) -> None:
    kernel = best()
    calls = []

    def digest(pieces: object) -> bytes:
        assert isinstance(pieces, list)
        calls.append(len(pieces))
        return kernel.sha512_256(pieces)

    counting = dataclasses.replace(kernel, sha512_256=digest)
    store = LocalStore("s", str(root), Reader(counting, (DigestAlgorithm.SHA512_256,)))
    chunks = make_chunks(BATCH_CHUNKS)
    store.put(chunks)
    calls.clear()

    store.fetch([chunk.id for chunk in chunks])

    assert calls == [BATCH_CHUNKS]


def test_a_chunk_file_over_the_limit_is_invalid_before_it_is_read(root: Path) -> None:
    store = LocalStore("s", str(root), Reader(best(), limit=2000))
    store.put([A, B])
    path_of(root, A).chmod(0o644)
    os.truncate(path_of(root, A), 1 << 40)

    invalid, good = store.fetch([A.id, B.id])

    assert isinstance(invalid, ChunkInvalidError)
    assert invalid.reason == "it has 1099511627776 bytes, more than the limit of 67786"
    assert isinstance(good, Chunk)


def test_an_empty_file_is_invalid_but_holds_no_chunk(store: LocalStore, root: Path) -> None:
    store.put([A])
    path_of(root, A).chmod(0o644)
    os.truncate(path_of(root, A), 0)

    (answer,) = store.fetch([A.id])
    before = (store.presence([A.id]), store.compressed_sizes([A.id]))
    sizes = store.stored_sizes([A.id])
    store.put([A])
    (after,) = store.fetch([A.id])

    assert isinstance(answer, ChunkInvalidError)
    assert before == ([Presence.NO], [None])
    assert sizes == [StoredSize(Presence.NO, ("origin",))]
    assert isinstance(after, Chunk)


def test_a_directory_that_never_was_is_told_when_reading(store: LocalStore, root: Path) -> None:
    message = f"^store origin: directory {root} does not exist$"

    with pytest.raises(StoreError, match=message):
        store.fetch([A.id])
    with pytest.raises(StoreError, match=message):
        next(store.entries())
    with pytest.raises(StoreError, match=message):
        store.compressed_sizes([A.id])
    assert store.presence([A.id]) == [Presence.NO]
    assert store.stored_sizes([A.id]) == [StoredSize(Presence.NO, ("origin",))]


def test_a_directory_that_vanished_is_told_and_not_made_again(
    store: LocalStore, root: Path
) -> None:
    store.put([A])
    shutil.rmtree(root)
    message = f"^store origin: directory {root} does not exist$"

    with pytest.raises(StoreError, match=message):
        store.fetch([A.id])
    with pytest.raises(StoreError, match=message):
        store.put([B])
    assert store.presence([A.id]) == [Presence.UNKNOWN]
    assert store.stored_sizes([A.id]) == [StoredSize(Presence.UNKNOWN, ("origin",))]
    assert not root.exists()


def test_a_store_is_made_with_its_parent_directories(tmp_path: Path, reader: Reader) -> None:
    store = LocalStore("origin", str(tmp_path / "deep" / "er" / "new.castr"), reader)
    store.put([A])

    assert store.presence([A.id]) == [Presence.YES]
    assert [path.name for path in (tmp_path / "deep" / "er").iterdir()] == ["new.castr"]


def test_what_may_not_be_read_is_a_failure_and_not_missing(store: LocalStore, root: Path) -> None:
    store.put([A])
    prefix = path_of(root, A).parent

    with without_permission(prefix):
        with pytest.raises(
            StoreError, match=f"^store origin: cannot read {path_of(root, A)}: Permission denied$"
        ):
            store.fetch([A.id])
        with pytest.raises(StoreError, match=r"cannot look for .*: Permission denied"):
            store.compressed_sizes([A.id])
        with pytest.raises(StoreError, match=r"cannot look for .*: Permission denied"):
            store.put([A])
        with pytest.raises(StoreError, match=r"cannot remove .*: Permission denied"):
            store.remove(StoredEntry(A.id, Form.ZSTD, 1))
        with pytest.raises(StoreError, match=r": Permission denied"):
            list(store.entries())
        presence = store.presence([A.id])
        sizes = store.stored_sizes([A.id])
    assert presence == [Presence.UNKNOWN]
    assert sizes == [StoredSize(Presence.UNKNOWN, ("origin",))]


def test_the_size_is_that_of_the_form_that_is_read_first(root: Path, reader: Reader) -> None:
    compressing = LocalStore("origin", str(root), reader)
    plain = LocalStore("origin", str(root), reader, ChunkForms(Form.PLAIN))
    compressing.put([A])
    plain.replace([B])
    stored = path_of(root, A).stat().st_size
    before = plain.stored_sizes([A.id, B.id])
    path_of(root, A).with_suffix("").write_bytes(A.plain)

    assert before == [
        StoredSize(Presence.YES, ("origin",), stored, Form.ZSTD),
        StoredSize(Presence.YES, ("origin",), len(B.plain), Form.PLAIN),
    ]
    assert plain.stored_sizes([A.id])[0].form is Form.PLAIN
    assert compressing.stored_sizes([A.id]) == before[:1]


def test_waiting_for_the_disk_is_counted(store: LocalStore) -> None:
    store.put([A])
    put = store.counts()["origin"].seconds
    store.fetch([A.id])
    fetched = store.counts()["origin"].seconds

    assert 0 < put < fetched < 10


def test_a_read_error_is_a_failure_that_names_the_file(
    store: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put([A])

    def fail(*_: object) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "read", fail)
    with pytest.raises(
        StoreError, match=f"^store origin: cannot read {path_of(root, A)}: Input/output error$"
    ):
        store.fetch([A.id])


def test_a_failed_sync_is_told(
    store: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put([A])

    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(local, "sync_file_system", fail)
    with pytest.raises(StoreError, match=f"^store origin: cannot sync {root}: Input/output error$"):
        store.flush()


def test_the_root_is_held_open_from_the_first_write_to_the_end(root: Path, reader: Reader) -> None:
    before = len(os.listdir("/proc/self/fd"))
    store = LocalStore("s", str(root), reader)
    store.put([A])
    store.put([B])
    during = len(os.listdir("/proc/self/fd"))
    del store

    assert during == before + 1
    assert len(os.listdir("/proc/self/fd")) == before


def test_foreign_and_temporary_files_are_no_entries(
    store: LocalStore, plain_store: LocalStore, root: Path
) -> None:
    store.put([A])
    plain_store.put([B])
    prefix = path_of(root, A).parent
    (prefix / f"{A.id.hex()}.1f2e.tmp").write_bytes(b"being written")
    (prefix / ".tmp-cacnk42").write_bytes(b"being written by desync")
    (prefix / f"{A.id.hex()}.cacnk.aes-256-gcm-635af003").write_bytes(b"of a store with a key")
    (prefix / C.id.hex()).write_bytes(b"in the wrong directory")
    (prefix / "f0").mkdir()
    (root / "README").write_text("hello")
    (root / "0000").mkdir()
    (root / "ffff").write_text("no directory")
    (root / A.id.hex()).write_bytes(A.plain)
    path_of(root, C).parent.mkdir(exist_ok=True)
    path_of(root, C).mkdir()

    assert sorted(store.entries(), key=lambda entry: entry.size) == sorted(
        [
            StoredEntry(A.id, Form.ZSTD, path_of(root, A).stat().st_size),
            StoredEntry(B.id, Form.PLAIN, 2000),
        ],
        key=lambda entry: entry.size,
    )


def test_every_file_is_examined_where_both_forms_are_there(store: LocalStore, root: Path) -> None:
    store.put([A])
    path_of(root, A, Form.PLAIN).write_bytes(b"garbage")
    entries = sorted(store.entries(), key=lambda entry: entry.form.value)

    plain, compressed = store.examine(entries)
    store.remove(entries[0])

    assert [entry.form for entry in entries] == [Form.PLAIN, Form.ZSTD]
    assert plain is not None
    assert plain.chunk_id == A.id
    assert compressed is None
    assert files(root) == [f"{A.id.hex()[:4]}/{A.id.hex()}.cacnk"]


def test_a_listing_survives_files_that_go_away(store: LocalStore) -> None:
    chunks = make_chunks(50)
    store.put(chunks)
    listing = store.entries()
    first = list(itertools.islice(listing, 1))
    for chunk in chunks:
        if chunk.id != first[0].id:
            store.remove(StoredEntry(chunk.id, Form.ZSTD, 0))

    assert len(first + list(listing)) < 50


def test_a_missing_chunk_costs_two_looks_and_is_named(store: LocalStore) -> None:
    store.prepare()

    (answer,) = store.fetch([A.id])

    assert isinstance(answer, ChunkMissingError)
    assert str(answer) == f"chunk {A.id.hex()} is missing from origin"


_PUT = """
import sys
from desync_jobs.core.kernel import best
from desync_jobs.stores.local import LocalStore
from desync_jobs.stores.reader import Reader
from desync_jobs.testing.chunks import make_chunks

store = LocalStore("s", sys.argv[1], Reader(best()))
chunks = make_chunks(200)
print("ready", flush=True)
sys.stdin.readline()
print(store.put(chunks).chunks)
"""


def test_processes_that_put_the_same_chunks_leave_one_of_each(
    root: Path, store: LocalStore
) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _PUT, str(root)],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    added = [int(process.communicate()[0]) for process in processes]

    chunks = make_chunks(200)
    assert sum(added) == 200
    assert len(files(root)) == 200
    assert all(isinstance(one, Chunk) for one in store.fetch([chunk.id for chunk in chunks]))
    assert {stat.S_IMODE((root / file).stat().st_mode) for file in files(root)} == {0o444}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a megabyte."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("file systems cannot be mounted here (run as root)")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.parametrize("verb", ["put", "replace"])
def test_a_full_disk_leaves_whole_chunks_and_no_temporary_files(
    small_disk: Path, reader: Reader, verb: str
) -> None:
    root = small_disk / "new.castr"
    store = LocalStore("small", str(root), reader, ChunkForms(Form.PLAIN))
    chunks = [make_chunk(bytes([number]) * 100_000) for number in range(20)]

    with pytest.raises(StoreError, match=r"^store small: cannot write .*: No space left on device"):
        (store.put if verb == "put" else store.replace)(chunks)

    entries = list(store.entries())
    assert 5 <= len(entries) <= 11
    assert len(files(root)) == len(entries)
    assert store.examine(entries) == [None] * len(entries)


def test_folders_are_listed_by_themselves_and_one_may_be_missing(
    store: LocalStore, plain_store: LocalStore, root: Path
) -> None:
    store.put([A, B, C])
    plain_store.replace([B])
    prefixes = [one.id.hex()[:4] for one in (A, B)]
    (root / "0000").write_bytes(b"no folder")

    found = list(store.entries_in([*prefixes, "0000", "0001"]))

    assert {one.id: one.form for one in found} == {A.id: Form.ZSTD, B.id: Form.PLAIN}
    assert {one.id for one in store.entries()} == {A.id, B.id, C.id}


def test_folders_of_a_store_that_is_gone_are_an_error(store: LocalStore, root: Path) -> None:
    with pytest.raises(StoreError, match=f"store origin: directory {root} does not exist"):
        list(store.entries_in(["0000"]))
