"""Indexes that the runner makes of seeds by itself, and keeps.

They lie in the user's cache folder (`$XDG_CACHE_HOME/desync-run/seeds`), one for each seed and way
of cutting, with what identifies the blob they were made of. Another size, time or inode, or, for
devices, another content of a few sampled chunks means that the index is made anew. A kept
index that is wrong all the same costs fetches and never a wrong byte, because each chunk
of a seed is checked when it is used; then it is forgotten.
"""

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import numpy as np

from desync_jobs.assembly.cutting import Cutting, Stream, Stretch, cut_stream
from desync_jobs.assembly.pending import Durability, PendingFile
from desync_jobs.assembly.pieces import PieceReader
from desync_jobs.core.chunk import CHUNK_ID_SIZE, ChunkID
from desync_jobs.core.digester import Digester
from desync_jobs.core.sizes import CutMode
from desync_jobs.errors import DesyncRunError, InvalidDataError, SourceError
from desync_jobs.execute.inputs import file_facts, open_input, read_index
from desync_jobs.execute.task import Task
from desync_jobs.formats.flags import blob_flags
from desync_jobs.formats.index import Index, serialize_index
from desync_jobs.planner.facts import FileFacts, FileKind, SeedFacts
from desync_jobs.planner.needed import need_size

S = TypeVar("S")

_SAMPLES: Final = 64
"""Chunks of a device that are read to see whether it still is what was indexed."""
_IDENTITY_LIMIT: Final = 1 << 16
"""Longer than any: a path has 4096 bytes, and JSON takes up to six characters for each."""


def automatic_index(task: Task[S], name: str, blob: FileFacts, wanted: Index) -> Index:
    """Return an index of `blob` cut as `wanted` is: the kept one, or a new one that is kept."""
    kept = _Kept(blob, wanted)
    index = kept.load(task)
    if index is None:
        index = cut_seed(task, name, blob, wanted)
        kept.save(index)
    return index


def forget_index(blob: FileFacts, wanted: Index) -> None:
    """Have the next run index `blob` anew: what is kept of it has proved wrong."""
    _Kept(blob, wanted).forget()


def renewed_seed(task: Task[S], seed: SeedFacts, wanted: Index) -> SeedFacts:
    """Return `seed` as it is now, with a fresh index; raises `SourceError` where it is gone."""
    blob = need_size(file_facts(seed.blob.path, task.machine.streams))
    index = cut_seed(task, seed.name, blob, wanted)
    if seed.automatic:
        _Kept(blob, wanted).save(index)
    return replace(seed, blob=blob, index=index)


def cut_seed(task: Task[S], name: str, blob: FileFacts, wanted: Index) -> Index:
    """Return a fresh index of `blob`, cut with the sizes, mode and digest of `wanted`.

    Raises `SourceError` where the blob cannot be read, or cannot be cut so.
    """
    check_cutting(blob, wanted)
    machine = task.machine
    mode = _mode(wanted)
    machine.progress.expect(blob.size)
    phase = task.phase(f"indexing seed {name}", blob.size)
    digester = Digester(machine.kernel, wanted.algorithm, wanted.sizes.maximum)

    def digest(stretch: Stretch) -> tuple[list[int], list[ChunkID]]:
        return stretch.ends, digester(stretch.pieces)

    ends: list[int] = []
    ids: list[ChunkID] = []
    cutting = Cutting(wanted.sizes, mode, machine.kernel)
    with open_input(blob.path, machine.streams) as fd:
        for more, digests in cut_stream(Stream(fd, blob.path), cutting, machine.workers, digest):
            ends += more
            ids += digests
            phase.advance(max(min(ends[-1], blob.size) - phase.done, 0) if ends else 0)
    table = np.frombuffer(b"".join(ids), np.uint8).reshape(len(ids), CHUNK_ID_SIZE)
    flags = blob_flags(wanted.algorithm, mode)
    return Index(flags, wanted.sizes, np.array(ends, np.uint64), table)


def check_cutting(blob: FileFacts, wanted: Index) -> None:
    """Raise `SourceError` where no program cuts a blob with the sizes that `wanted` has."""
    try:
        wanted.sizes.check(_mode(wanted))
    except ValueError as error:
        raise SourceError(f"{blob.path}: cannot be cut as the index is: {error}") from error


def _mode(index: Index) -> CutMode:
    """Return the way of cutting that `index` says it was made with."""
    old = index.flags == blob_flags(index.algorithm, CutMode.DESYNC_1_0)
    return CutMode.DESYNC_1_0 if old else CutMode.CASYNC


def _cache_home() -> str:
    """Return the user's cache folder; the XDG base directory specification says where."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    return home if os.path.isabs(home) else os.path.expanduser("~/.cache")


@dataclass(frozen=True, slots=True)
class _Kept:
    """The place of one automatic index, and what it must have been made of."""

    blob: FileFacts
    wanted: Index

    @property
    def _path(self) -> str:
        """Where the index is kept; what it was made of stands beside it, in `….blob`."""
        mode = _mode(self.wanted).value
        key = f"{self.blob.path}\0{self.wanted.algorithm.value}\0{self.wanted.sizes}\0{mode}"
        name = hashlib.sha256(os.fsencode(key)).hexdigest()[:32]
        return os.path.join(_cache_home(), "desync-run", "seeds", f"{name}.caibx")

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
        return found.index if self._still_right(task, found.index) else None

    def _still_right(self, task: Task[S], index: Index) -> bool:
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
            rows = serialize_index(index)
            # With its digest, so that neither damage nor another run can put a wrong index here.
            made_of = f"{self._identity()}\n{hashlib.sha256(rows).hexdigest()}".encode("ascii")
            for path, data in ((self._path, rows), (f"{self._path}.blob", made_of)):
                with PendingFile(path) as pending:
                    pending.write(data)
                    pending.commit(Durability.RENAME)
