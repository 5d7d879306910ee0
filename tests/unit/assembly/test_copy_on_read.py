import errno
import os
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from desync_jobs.assembly.blob_reader import BlobReader
from desync_jobs.assembly.copy_file import (
    CopyFile,
    CopyPlaces,
    open_copy_file,
    prepare_copy_file,
    read_marks,
)
from desync_jobs.assembly.copy_on_read import CopyOnRead
from desync_jobs.assembly.placing import Target
from desync_jobs.assembly.prefetching import Prefetching
from desync_jobs.errors import SourceError, StoreError, TargetError
from desync_jobs.formats.copied import parse_copied
from desync_jobs.testing.faulty import Fault, FaultyStore
from tests.unit.assembly.test_blob_reader import BLOB, INDEX, ZEROS, Asked, scattered

DIGEST = "ab" * 32
OTHER = "cd" * 32


@contextmanager
def opened(folder: Path, digest: str = DIGEST) -> Iterator[CopyFile]:
    fd = open_copy_file(str(folder / "copy"))
    places = CopyPlaces(str(folder / "copy"), str(folder / "state"))
    try:
        yield prepare_copy_file(fd, places, INDEX, digest)[0]
    finally:
        os.close(fd)


def copy_of(store: Asked | FaultyStore, file: CopyFile, told: list[str]) -> CopyOnRead:
    reader = BlobReader(INDEX, store, memory=20_000, elsewhere=file.copied.there)
    return CopyOnRead(INDEX, reader, file.target, file.copied, told.append)


def test_reads_are_the_blob_and_nothing_is_fetched_twice_whatever_the_memory(
    tmp_path: Path,
) -> None:
    store, told = Asked(), list[str]()
    with opened(tmp_path) as file:
        blob = copy_of(store, file, told)

        def read(seed: int) -> bool:
            places = [*scattered(125, seed)]
            return all(blob.read(at, size) == BLOB[at : at + size] for at, size in places)

        with ThreadPoolExecutor(8) as threads:
            assert all(threads.map(read, range(8)))
        assert blob.read(0, len(BLOB) + 1) == BLOB
        before = len(store.asked)
        assert blob.read(0, len(BLOB)) == BLOB
        assert len(store.asked) == before
        blob.close()
    assert told == []
    assert (tmp_path / "copy").read_bytes() == BLOB


def test_zeros_are_holes_and_are_never_asked_for(tmp_path: Path) -> None:
    store = Asked()
    with opened(tmp_path) as file:
        blob = copy_of(store, file, [])
        first = next(at for at in range(len(INDEX)) if INDEX.length(at) == len(ZEROS))
        assert blob.read(INDEX.start(first), len(ZEROS)) == ZEROS
        assert store.batches == []
        assert os.fstat(file.target.fd).st_blocks == 0
        blob.close()


def test_the_next_run_fetches_nothing_that_the_state_names(tmp_path: Path) -> None:
    store = Asked()
    with opened(tmp_path) as file:
        blob = copy_of(store, file, [])
        blob.read(0, len(BLOB) // 2)
        assert file.save()
        assert not file.save()
        blob.close()
    with opened(tmp_path) as file:
        again = Asked()
        blob = copy_of(again, file, [])
        assert blob.read(0, len(BLOB) // 2) == BLOB[: len(BLOB) // 2]
        assert again.batches == []
        assert blob.read(0, len(BLOB)) == BLOB
        blob.close()


def test_what_was_read_after_the_state_was_saved_is_fetched_again_and_right(tmp_path: Path) -> None:
    with opened(tmp_path) as file:
        blob = copy_of(Asked(), file, [])
        blob.read(0, 10_000)
        file.save()
        blob.read(10_000, 50_000)
        blob.close()  # and killed before the state is saved again
    with opened(tmp_path) as file:
        store = Asked()
        blob = copy_of(store, file, [])
        assert blob.read(0, 60_000) == BLOB[:60_000]
        assert store.batches
        blob.close()


def test_a_file_of_another_index_is_begun_anew(tmp_path: Path) -> None:
    with opened(tmp_path) as file:
        blob = copy_of(Asked(), file, [])
        blob.read(0, len(BLOB))
        file.save()
        blob.close()
    fd = open_copy_file(str(tmp_path / "copy"))
    places = CopyPlaces(str(tmp_path / "copy"), str(tmp_path / "state"))
    file, of_another = prepare_copy_file(fd, places, INDEX, OTHER)

    assert of_another
    assert not file.copied.now()[1].any()
    assert os.fstat(fd).st_blocks == 0
    assert (tmp_path / "copy").read_bytes() == bytes(len(BLOB))
    os.close(fd)
    # And from now on it is a file of that index.
    with opened(tmp_path, OTHER) as again:
        assert not again.copied.now()[1].any()


@pytest.mark.parametrize("state", [None, b"", b"\xff" * 130])
def test_a_file_of_which_no_state_says_what_it_is_is_refused_and_left_alone(
    tmp_path: Path, state: bytes | None
) -> None:
    (tmp_path / "copy").write_bytes(b"somebody's image")
    if state is not None:
        (tmp_path / "state").write_bytes(state)

    with pytest.raises(TargetError, match="remove it, or name another file"), opened(tmp_path):
        pass
    assert (tmp_path / "copy").read_bytes() == b"somebody's image"


def test_a_state_is_not_believed_about_another_file_at_the_same_place(tmp_path: Path) -> None:
    with opened(tmp_path) as file:
        blob = copy_of(Asked(), file, [])
        blob.read(0, len(BLOB))
        file.save()
        blob.close()
    (tmp_path / "copy").rename(tmp_path / "kept")
    (tmp_path / "copy").touch()
    with opened(tmp_path) as file:
        assert not file.copied.now()[1].any()
    (tmp_path / "other").write_bytes(bytes(len(BLOB)))
    (tmp_path / "other").rename(tmp_path / "copy")
    with pytest.raises(TargetError, match="does not say what"), opened(tmp_path):
        pass


def test_a_file_cut_short_by_somebody_is_begun_anew(tmp_path: Path) -> None:
    with opened(tmp_path) as file:
        blob = copy_of(Asked(), file, [])
        blob.read(0, len(BLOB))
        file.save()
        os.ftruncate(file.target.fd, 1000)
        with pytest.raises(SourceError, match="somebody made it shorter"):
            blob.read(0, len(BLOB))
        blob.close()
    with opened(tmp_path) as file:
        assert not file.copied.now()[1].any()
        assert os.fstat(file.target.fd).st_size == len(BLOB)


def test_a_failure_is_told_once_and_the_next_read_returns_the_bytes(tmp_path: Path) -> None:
    store = FaultyStore(Asked(), [Fault("fetch", 1, StoreError("store x: no answer"))])
    with opened(tmp_path) as file:
        blob = copy_of(store, file, [])
        start = INDEX.start(950)
        with pytest.raises(StoreError, match="no answer"):
            blob.read(start, 100)
        assert not file.copied.now()[1].any()
        assert blob.read(start, 100) == BLOB[start : start + 100]
        blob.close()


def test_where_nothing_can_be_written_reading_goes_on(tmp_path: Path) -> None:
    class Full:
        def write(self, target: Target, _runs: object) -> None:
            raise TargetError.of_writing(target.name, OSError(errno.ENOSPC, "no room"))

    told = list[str]()
    with opened(tmp_path) as file:
        reader = BlobReader(INDEX, Asked())
        full = Target(file.target.fd, "copy", Full())
        blob = CopyOnRead(INDEX, reader, full, file.copied, told.append)
        assert blob.read(0, len(BLOB)) == BLOB
        assert not file.copied.now()[1].any()
        blob.close()
    assert set(told) == {
        "copy: cannot be written: no room; make room and run again; reading goes on without it"
    }


def test_what_a_list_names_is_fetched_beforehand_and_what_fails_is_told(tmp_path: Path) -> None:
    store, told = Asked(), list[str]()
    missing = INDEX.id(len(INDEX) - 2)
    del store.plain[missing]
    with opened(tmp_path) as file:
        blob = copy_of(store, file, told)
        marks = file.copied.now()[1]
        marks[:30] = True
        marks[-2] = True
        with Prefetching(blob, INDEX, 3) as prefetching:
            prefetching.begin(marks, told.append)
        # Leaving the block waits for what was begun and drops the rest, so ask for it anew.
        for at in range(30):
            blob.read(INDEX.start(at), INDEX.length(at))
        assert file.copied.there(0, 30).all()
        blob.close()
    assert all(missing.hex() in one for one in told)


def test_states_of_this_index_and_bits_of_desync_name_positions(tmp_path: Path) -> None:
    with opened(tmp_path) as file:
        file.copied.add(3, 7)
        file.save()
    path = str(tmp_path / "state")
    found = read_marks(path, INDEX, DIGEST)
    state = parse_copied((tmp_path / "state").read_bytes())
    assert found is not None
    assert found.nonzero()[0].tolist() == [3, 4, 5, 6]
    assert state is not None
    assert state.subject.index_digest == DIGEST
    assert read_marks(path, INDEX, OTHER) is None

    (tmp_path / "bits").write_bytes(b"\x05" + bytes(-(-len(INDEX) // 8) - 1))
    found = read_marks(str(tmp_path / "bits"), INDEX, DIGEST)
    assert found is not None
    assert found.nonzero()[0].tolist() == [0, 2]
    (tmp_path / "bits").write_bytes(b"\x05")
    assert read_marks(str(tmp_path / "bits"), INDEX, DIGEST) is None
    with pytest.raises(SourceError, match="cannot be read"):
        read_marks(str(tmp_path / "none"), INDEX, DIGEST)


def test_read_ahead_leaves_alone_what_is_in_the_file(tmp_path: Path) -> None:
    store = Asked()
    with opened(tmp_path) as file:
        blob = copy_of(store, file, [])
        blob.read(20_000, len(BLOB))
        fetched = len(store.asked)
        rng = random.Random(1)
        for at in range(0, 20_000, 1000):
            assert blob.read(at, 1000 + rng.randrange(3)) is not None
        blob.close()
        needed = {INDEX.id(at) for at in range(INDEX.ended_by(21_000) + 1)}
        assert set(store.asked[fetched:]) <= needed
