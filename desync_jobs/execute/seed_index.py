"""Indexes that the runner makes of seeds by itself.

Planning makes them in memory where none is kept, and changes nothing on disk; a run that uses a
seed keeps its index. A kept index that is wrong costs fetches and never a wrong byte, because each
chunk of a seed is checked when it is used; then it is forgotten.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from desync_jobs.assembly.cutting import Cutting, Stream, Stretch, cut_stream
from desync_jobs.core.chunk import ChunkID
from desync_jobs.core.digester import Digester
from desync_jobs.errors import SourceError
from desync_jobs.execute.inputs import file_facts, open_input
from desync_jobs.execute.kept_index import KeptIndex, cut_mode
from desync_jobs.execute.task import Task
from desync_jobs.formats.flags import blob_flags
from desync_jobs.formats.index import Index
from desync_jobs.formats.index_building import IndexBuilder
from desync_jobs.planner.facts import FileFacts, SeedFacts
from desync_jobs.planner.needed import need_size

S = TypeVar("S")


def automatic_seed(task: Task[S], name: str, blob: FileFacts, wanted: Index) -> SeedFacts:
    """Return `blob` with an index cut as `wanted` is: the kept one, or a fresh one."""
    kept, fresh = KeptIndex(blob, wanted), task.machine.fresh_indexes
    index = kept.load(task)
    if index is None:
        index = fresh.get(kept.key)
        if index is None or not kept.still_right(task, index):
            index = fresh[kept.key] = cut_seed(task, name, blob, wanted)
    return SeedFacts(name, blob, index, automatic=True)


def keep_indexes(task: Task[S], seeds: Iterable[SeedFacts], wanted: Index) -> None:
    """Keep what was made of `seeds`, and note which kept indexes are in use."""
    for seed in seeds:
        if seed.automatic:
            kept = KeptIndex(seed.blob, wanted)
            if task.machine.fresh_indexes.pop(kept.key, None) is None:
                kept.note_use()
            else:
                kept.save(seed.index)


def forget_index(task: Task[S], blob: FileFacts, wanted: Index) -> None:
    """Have whoever comes next index `blob` anew: what was made of it has proved wrong."""
    kept = KeptIndex(blob, wanted)
    task.machine.fresh_indexes.pop(kept.key, None)
    kept.forget()


def renewed_seed(task: Task[S], seed: SeedFacts, wanted: Index) -> SeedFacts:
    """Return `seed` as it is now, with a fresh index; raises `SourceError` where it is gone."""
    blob = need_size(file_facts(seed.blob.path, task.machine.streams))
    index = cut_seed(task, seed.name, blob, wanted)
    if seed.automatic:
        KeptIndex(blob, wanted).save(index)
    return replace(seed, blob=blob, index=index)


def cut_seed(task: Task[S], name: str, blob: FileFacts, wanted: Index) -> Index:
    """Return a fresh index of `blob`, cut with the sizes, mode and digest of `wanted`.

    Raises `SourceError` where the blob cannot be read, or cannot be cut so.
    """
    check_cutting(blob, wanted)
    machine = task.machine
    mode = cut_mode(wanted)
    machine.progress.expect(blob.size)
    phase = task.phase(f"indexing seed {name}", blob.size)
    digester = Digester(machine.kernel, wanted.algorithm, wanted.sizes.maximum)

    def digest(stretch: Stretch) -> tuple[list[int], list[ChunkID]]:
        return stretch.ends, digester(stretch.pieces)

    builder = IndexBuilder(blob_flags(wanted.algorithm, mode), wanted.sizes)
    cutting = Cutting(wanted.sizes, mode, machine.kernel)
    with open_input(blob.path, machine.streams) as fd:
        for more, digests in cut_stream(Stream(fd, blob.path), cutting, machine.workers, digest):
            builder.add(more, digests)
            phase.advance(max(min(more[-1], blob.size) - phase.done, 0) if more else 0)
    return builder.index()


def check_cutting(blob: FileFacts, wanted: Index) -> None:
    """Raise `SourceError` where no program cuts a blob with the sizes that `wanted` has."""
    try:
        wanted.sizes.check(cut_mode(wanted))
    except ValueError as error:
        raise SourceError(f"{blob.path}: cannot be cut as the index is: {error}") from error
