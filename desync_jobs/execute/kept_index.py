"""Where the indexes that the runner makes of seeds are kept, and for how long.

They lie in the user's cache folder (`$XDG_CACHE_HOME/desync-run/seeds`), one for each seed and way
of cutting, with what identifies the blob they were made of. Another size, time or inode, or, for
devices, another content of a few sampled chunks means that the index is not that of the blob.

Whoever adds one removes those that were not used for longest, beyond a number and a size. A run
holds in memory what it uses, so nothing is taken away from anybody.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np

from desync_jobs.assembly.hidden import open_locked
from desync_jobs.assembly.pending import Durability, PendingFile
from desync_jobs.assembly.pieces import PieceReader
from desync_jobs.core.sizes import CutMode
from desync_jobs.errors import DesyncRunError, InvalidDataError, SourceError
from desync_jobs.execute.inputs import open_input, read_index
from desync_jobs.execute.task import Task
from desync_jobs.formats.flags import blob_flags
from desync_jobs.formats.index import Index, index_pieces
from desync_jobs.planner.facts import FileFacts, FileKind

S = TypeVar("S")

_MOST: Final = 64
"""Indexes that are kept."""
_MOST_BYTES: Final = 4 << 30
"""Of all that are kept; an index has 40 bytes a chunk."""
_SAMPLES: Final = 64
"""Chunks of a device that are read to see whether it still is what was indexed."""
_IDENTITY_LIMIT: Final = 1 << 16
"""Longer than any: a path has 4096 bytes, and JSON takes up to six characters for each."""
_SUFFIX: Final = ".caibx"


def cut_mode(index: Index) -> CutMode:
    """Return the way of cutting that `index` says it was made with."""
    old = index.flags == blob_flags(index.algorithm, CutMode.DESYNC_1_0)
    return CutMode.DESYNC_1_0 if old else CutMode.CASYNC


def _folder() -> str:
    """Return where indexes are kept; the XDG base directory specification says in what folder."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    home = home if os.path.isabs(home) else os.path.expanduser("~/.cache")
    return os.path.join(home, "desync-run", "seeds")


@dataclass(frozen=True, slots=True)
class KeptIndex:
    """The place of one automatic index, and what it must have been made of."""

    blob: FileFacts
    wanted: Index

    @property
    def _path(self) -> str:
        """Where the index is kept; what it was made of stands beside it, in `….blob`."""
        mode = cut_mode(self.wanted).value
        key = f"{self.blob.path}\0{self.wanted.algorithm.value}\0{self.wanted.sizes}\0{mode}"
        name = hashlib.sha256(os.fsencode(key)).hexdigest()[:32]
        return os.path.join(_folder(), name + _SUFFIX)

    @property
    def key(self) -> tuple[str, str]:
        """What tells an index of this blob, as it is now and cut so, from any other."""
        return self._path, self._identity()

    def _identity(self) -> str:
        """Return what tells the blob from what it was before, and from others; one line."""
        blob = self.blob
        # The node of a device is made anew at each start of the system, and some file systems have
        # another device number after each.
        known = None if blob.kind is FileKind.DEVICE else blob.identity
        inode = None if known is None else known[1]
        return json.dumps([blob.path, blob.size, inode, blob.modified])

    def load(self, task: Task[S]) -> Index | None:
        """Return the kept index where it is still that of the blob."""
        try:
            with open(f"{self._path}.blob", "rb") as file:
                made_of, _, digest = file.read(_IDENTITY_LIMIT).partition(b"\n")
            if made_of != self._identity().encode("ascii"):
                return None
            found = read_index(self._path, task.machine.streams)
        except (OSError, InvalidDataError, SourceError):
            return None
        if found is None or found.file_digest.encode("ascii") != digest:
            return None
        return found.index if self.still_right(task, found.index) else None

    def still_right(self, task: Task[S], index: Index) -> bool:
        """Whether a few chunks of a device, whose time says nothing, are what was indexed."""
        if self.blob.kind is not FileKind.DEVICE or not len(index):
            return index.blob_size == self.blob.size
        machine = task.machine
        sampled = np.unique(np.linspace(0, len(index) - 1, _SAMPLES).astype(np.int64)).tolist()
        with open_input(self.blob.path, machine.streams) as fd:
            reader = PieceReader(fd, self.blob.path, index, machine.kernel)
            try:
                for position in sampled:
                    with reader.verified([position]):
                        pass
            except InvalidDataError:
                return False
        return True

    def forget(self) -> None:
        """Have no index that fits the blob."""
        with suppress(OSError):
            os.unlink(f"{self._path}.blob")

    def save(self, index: Index) -> None:
        """Keep `index`; where that is not possible the next run makes it again."""
        with suppress(OSError, DesyncRunError):
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            digest = hashlib.sha256()
            with PendingFile(self._path) as pending:
                for piece in index_pieces(index):
                    digest.update(piece)
                    pending.write(piece)
                pending.commit(Durability.RENAME)
            # With its digest, so that neither damage nor another run can put a wrong index here.
            with PendingFile(f"{self._path}.blob") as pending:
                pending.write(f"{self._identity()}\n{digest.hexdigest()}".encode("ascii"))
                pending.commit(Durability.RENAME)
            _evict(os.path.basename(self._path))

    def note_use(self) -> None:
        """Have this index count as used just now."""
        with suppress(OSError):
            os.utime(self._path)


@dataclass(frozen=True, slots=True, order=True)
class _Held:
    """A file of an index as it lies in the folder; ordered by its last use."""

    used: int
    name: str
    size: int


def _evict(newest: str) -> None:
    """Remove what was not used for longest, except `newest`; one process at a time does."""
    folder = _folder()
    lock = open_locked(os.path.join(folder, ".lock"))
    try:
        size = 0
        by_use = sorted(_held(folder), reverse=True)
        for number, held in enumerate(by_use):
            size += held.size
            if (number >= _MOST or size > _MOST_BYTES) and held.name != newest:
                # What it was made of goes first: nobody believes an index without that.
                for path in (f"{held.name}.blob", held.name):
                    with suppress(FileNotFoundError):
                        os.unlink(os.path.join(folder, path))
    finally:
        os.close(lock)


def _held(folder: str) -> Iterator[_Held]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(_SUFFIX) and not entry.name.startswith("."):
                with suppress(FileNotFoundError):
                    found = entry.stat(follow_symlinks=False)
                    yield _Held(found.st_mtime_ns, entry.name, found.st_size)
