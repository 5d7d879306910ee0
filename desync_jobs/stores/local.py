"""Chunk stores in a local directory, in the layout of casync and desync (`.castr`).

A store writes one form and reads the other compression too, its own first, so one directory
can serve programs of either setting. Files appear under their name complete and with mode 0444;
no existing chunk is overwritten. Nothing is synced file by file: `flush` syncs the
file system once, before an index that names the chunks is published.
"""

import os
import stat
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import starmap
from threading import Lock
from typing import NoReturn

from desync_jobs.codecs.form import Form
from desync_jobs.core.chunk import ChunkID
from desync_jobs.errors import (
    ChunkInvalidError,
    ChunkMissingError,
    InvalidDataError,
    StoreError,
)
from desync_jobs.stores.abandoned import remove_abandoned_files
from desync_jobs.stores.base import Chunk, Fetched, Presence, Stored, StoredEntry, StoredSize
from desync_jobs.stores.chunk_file import (
    publish_chunk_file,
    read_chunk_file,
    replace_chunk_file,
)
from desync_jobs.stores.counters import Counters, Counts, Waiting
from desync_jobs.stores.forms import ChunkForms, StoredForm
from desync_jobs.stores.layout import is_prefix
from desync_jobs.stores.reader import NotRead, RawChunk, Reader
from desync_jobs.stores.syscalls import sync_file_system


class LocalStore:
    """A `ChunkStore` in the directory `path`, which is made when something is first put."""

    def __init__(
        self, name: str, path: str, reader: Reader, forms: ChunkForms | None = None
    ) -> None:
        self.name = name
        self._root = path
        self._reader = reader
        self._forms = forms or ChunkForms()
        self._counters = Counters()
        self._lock = Lock()
        self._root_descriptor: int | None = None
        self._missing = StoredSize(Presence.NO, (name,))
        self._unknown = StoredSize(Presence.UNKNOWN, (name,))

    def fetch(self, ids: Sequence[ChunkID]) -> list[Fetched]:
        return list(self._answers((chunk_id, self._forms.reads) for chunk_id in ids))

    def examine(self, entries: Sequence[StoredEntry]) -> list[ChunkInvalidError | None]:
        answers = self._answers((entry.id, (self._forms.of(entry.form),)) for entry in entries)
        return [answer if isinstance(answer, ChunkInvalidError) else None for answer in answers]

    def presence(self, ids: Sequence[ChunkID]) -> list[Presence]:
        answers = [self._presence(chunk_id) for chunk_id in ids]
        return [Presence.UNKNOWN] * len(ids) if self._vanished() else answers

    def stored_sizes(self, ids: Sequence[ChunkID]) -> list[StoredSize]:
        answers = [self._looked_up(chunk_id) for chunk_id in ids]
        return [self._unknown] * len(ids) if self._vanished() else answers

    def compressed_sizes(self, ids: Sequence[ChunkID]) -> list[int | None]:
        compressed = [form for form in self._forms.reads if form.form is Form.ZSTD]
        found = [self._stored(chunk_id, compressed) for chunk_id in ids]
        sizes = [None if one is None else one[0] for one in found]
        if None in sizes:
            self._check_root()
        return sizes

    def counts(self) -> dict[str, Counts]:
        return {self.name: self._counters.total()}

    def prepare(self) -> None:
        with self._lock:
            if self._root_descriptor is not None:
                return
            try:
                with suppress(FileExistsError):
                    os.makedirs(self._root)
                descriptor = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except OSError as error:
                self._fail("create", self._root, error)
            # Open from before the first write on, or write errors could be told to others alone.
            self._root_descriptor = descriptor
            weakref.finalize(self, os.close, descriptor)

    def put(self, chunks: Sequence[Chunk]) -> Stored:
        self.prepare()
        waiting = Waiting()
        sizes = [self._put(chunk, waiting) for chunk in chunks if not self._has(chunk.id)]
        stored = Stored(sum(size > 0 for size in sizes), sum(sizes))
        self._count_added(stored.chunks, stored.size, waiting)
        return stored

    def replace(self, chunks: Sequence[Chunk]) -> None:
        self.prepare()
        waiting = Waiting()
        written = sum(self._replace(chunk, waiting) for chunk in chunks)
        self._count_added(len(chunks), written, waiting)

    def touch(self, chunks: Sequence[Chunk]) -> None:
        for chunk in chunks:
            form = self._forms.of(Form.PLAIN if chunk.form is Form.PLAIN else Form.ZSTD)
            # A chunk that is gone, or belongs to somebody else, can be used all the same.
            with suppress(OSError):
                os.utime(self._path(chunk.id, form))

    def flush(self) -> None:
        descriptor = self._root_descriptor
        if descriptor is None:
            return  # nothing was put
        waiting = Waiting()
        try:
            with waiting:
                sync_file_system(descriptor)
        except OSError as error:
            self._fail("sync", self._root, error)
        self._count_added(0, 0, waiting)

    def entries(self) -> Iterator[StoredEntry]:
        self._check_root()
        try:
            with os.scandir(self._root) as prefixes:
                for prefix in prefixes:
                    if is_prefix(prefix.name) and prefix.is_dir():
                        with suppress(FileNotFoundError):  # removed since it was listed
                            yield from self._entries_of(prefix.name)
        except OSError as error:
            self._fail("list", error.filename or self._root, error)

    def entries_in(self, folders: Iterable[str]) -> Iterator[StoredEntry]:
        self._check_root()
        try:
            for folder in folders:
                with suppress(FileNotFoundError, NotADirectoryError):
                    yield from self._entries_of(folder)
        except OSError as error:
            self._fail("list", error.filename or self._root, error)

    def remove(self, entry: StoredEntry) -> None:
        path = self._path(entry.id, self._forms.of(entry.form))
        try:
            with suppress(FileNotFoundError):
                os.unlink(path)
        except OSError as error:
            self._fail("remove", path, error)

    def remove_abandoned(self) -> int:
        self._check_root()
        try:
            return remove_abandoned_files(self._root)
        except OSError as error:
            self._fail("tidy", error.filename or self._root, error)

    def _count_added(self, chunks: int, size: int, waiting: Waiting) -> None:
        self._counters.add(
            Counts(chunks_added=chunks, stored_bytes_added=size, seconds=waiting.seconds)
        )

    def _read(self, chunk_id: ChunkID, forms: Sequence[StoredForm]) -> RawChunk | NotRead:
        for form in forms:
            path = self._path(chunk_id, form)
            try:
                data = form.open(read_chunk_file(path, self._reader.stored_limit + form.overhead))
            except FileNotFoundError:
                continue
            except OSError as error:
                self._fail("read", path, error)
            except InvalidDataError as error:
                return ChunkInvalidError(chunk_id, self.name, str(error))
            return RawChunk(chunk_id, form.form is not Form.PLAIN, data)
        self._check_root()
        return ChunkMissingError(chunk_id, self.name)

    def _answers(self, wanted: Iterable[tuple[ChunkID, Sequence[StoredForm]]]) -> Iterator[Fetched]:
        """Answer for each of some IDs, looking for them in the forms beside them."""
        requests = chunks = stored_bytes = plain_bytes = 0
        waiting = Waiting()

        def read(chunk_id: ChunkID, forms: Sequence[StoredForm]) -> RawChunk | NotRead:
            with waiting:
                return self._read(chunk_id, forms)

        for answer in self._reader.answers(self.name, starmap(read, wanted)):
            requests += 1
            if isinstance(answer, Chunk):
                chunks += 1
                stored_bytes += len(answer.stored or b"") + self._forms.own.overhead
                plain_bytes += len(answer.plain)
            yield answer
        self._counters.add(
            Counts(chunks, stored_bytes, requests, plain_bytes=plain_bytes, seconds=waiting.seconds)
        )

    def _presence(self, chunk_id: ChunkID) -> Presence:
        try:
            return Presence.YES if self._has(chunk_id) else Presence.NO
        except StoreError:
            return Presence.UNKNOWN

    def _vanished(self) -> bool:
        return self._root_descriptor is not None and not os.path.isdir(self._root)

    def _looked_up(self, chunk_id: ChunkID) -> StoredSize:
        try:
            found = self._stored(chunk_id, self._forms.reads)
        except StoreError:
            return self._unknown
        if found is None:
            return self._missing
        return StoredSize(Presence.YES, self._missing.asked, *found)

    def _has(self, chunk_id: ChunkID) -> bool:
        return self._stored(chunk_id, self._forms.reads) is not None

    def _stored(self, chunk_id: ChunkID, forms: Sequence[StoredForm]) -> tuple[int, Form] | None:
        """Return size and form of the file that would be read; an empty one holds no chunk."""
        for form in forms:
            path = self._path(chunk_id, form)
            try:
                size = os.stat(path).st_size
            except FileNotFoundError:
                continue
            except OSError as error:
                self._fail("look for", path, error)
            return (size, form.form) if size else None
        return None

    def _put(self, chunk: Chunk, waiting: Waiting) -> int:
        """Publish one chunk and return its stored size, 0 where somebody else was first."""
        path = self._path(chunk.id, self._forms.own)
        data = self._forms.encode(chunk)
        try:
            with waiting:
                return len(data) if publish_chunk_file(path, data) else 0
        except OSError as error:
            self._fail("write", path, error)

    def _replace(self, chunk: Chunk, waiting: Waiting) -> int:
        own, *others = (self._path(chunk.id, form) for form in self._forms.reads)
        data = self._forms.encode(chunk)
        try:
            with waiting:
                replace_chunk_file(own, data)
                for other in others:
                    with suppress(FileNotFoundError):
                        os.unlink(other)
        except OSError as error:
            self._fail("write", own, error)
        return len(data)

    def _path(self, chunk_id: ChunkID, form: StoredForm) -> str:
        return f"{self._root}/{form.name(chunk_id)}"

    def _entries_of(self, folder: str) -> Iterator[StoredEntry]:
        with os.scandir(f"{self._root}/{folder}") as files:
            for file in files:
                parsed = self._forms.parse(f"{folder}/{file.name}")
                if parsed is None:
                    continue
                chunk_id, form = parsed
                with suppress(FileNotFoundError):
                    status = file.stat()
                    if stat.S_ISREG(status.st_mode):
                        yield StoredEntry(chunk_id, form.form, status.st_size, status.st_mtime)

    def _check_root(self) -> None:
        try:
            os.stat(self._root)
        except FileNotFoundError:
            message = f"store {self.name}: directory {self._root} does not exist"
            raise StoreError(message) from None
        except OSError as error:
            self._fail("look for", self._root, error)

    def _fail(self, verb: str, path: str, error: OSError) -> NoReturn:
        if isinstance(error, FileNotFoundError) and path != self._root:
            self._check_root()
        raise StoreError(f"store {self.name}: cannot {verb} {path}: {error.strerror}") from error
