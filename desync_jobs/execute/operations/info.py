"""Doing `info`: figures of an index; JSON with desync's field names, or a line each."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from desync_jobs.execute.chunks_info import known_sizes
from desync_jobs.execute.indexes import find_index, look_for_index
from desync_jobs.execute.inputs import output_facts
from desync_jobs.execute.kept import lacking_in
from desync_jobs.execute.opening import Reading, source_facts
from desync_jobs.execute.outputs import write_output
from desync_jobs.execute.result import Done
from desync_jobs.execute.task import Task
from desync_jobs.formats.index import Index
from desync_jobs.formats.unique import unique_chunks
from desync_jobs.manifest.operations.info import InfoSpec
from desync_jobs.planner.facts import IndexFacts
from desync_jobs.planner.needed import need_index
from desync_jobs.planner.operations.info import InfoDetail, InfoFacts
from desync_jobs.planner.step import Step

Flags = NDArray[np.bool_]


def survey_info(task: Task[InfoSpec]) -> InfoFacts:
    """Read the index and those of the seeds, and look at the stores."""
    spec, streams = task.spec, task.machine.streams
    return InfoFacts(
        find_index(task, spec.index),
        output_facts(task.path(spec.output), streams),
        source_facts(task, spec.stores),
        tuple(_seed(task, text) for text in spec.seeds),
    )


def _seed(task: Task[InfoSpec], text: str) -> IndexFacts:
    return need_index(look_for_index(task, text), task.path(text))


@dataclass(frozen=True, slots=True)
class Figures:
    """What desync's `info` counts; see its field names in `LABELS`."""

    values: dict[str, int] = field(default_factory=dict)

    def lines(self) -> Iterator[str]:
        """Yield a labelled line each."""
        for name, value in self.values.items():
            yield f"{LABELS[name]}: {value}\n"


LABELS = {
    "total": "Total chunks",
    "unique": "Unique chunks",
    "in-store": "Chunks in a store",
    "in-seed": "Chunks in a seed",
    "in-cache": "Chunks in the cache",
    "not-in-seed-nor-cache": "Chunks in neither seed nor cache",
    "size": "Blob size",
    "dedup-size-not-in-seed": "Unique bytes not in a seed",
    "dedup-size-not-in-seed-nor-cache": "Unique bytes in neither seed nor cache",
    "dedup-size-not-in-seed-nor-cache-compressed": "The same, compressed",
    "chunk-size-min": "Smallest chunk size",
    "chunk-size-avg": "Average chunk size",
    "chunk-size-max": "Largest chunk size",
}
"""JSON names as desync has them, in its order, with the words of `--format plain`."""


def do_info(task: Task[InfoSpec], step: Step) -> Done:
    """Count, and write the figures."""
    detail = step.detail_as(InfoDetail)
    figures = _count(task, detail)
    if task.spec.format == "json":
        text = json.dumps(figures.values, indent=2) + "\n"
    else:
        text = "".join(figures.lines())
    path = task.path(task.spec.output)
    status = write_output(path, task.machine.streams, [text.encode("ascii")])
    return Done(status, dict(figures.values))


@dataclass(frozen=True, eq=False)
class _Distinct:
    """The different chunks of an index."""

    index: Index
    first: NDArray[np.int64]
    """The position where each first occurs."""

    def __len__(self) -> int:
        return len(self.first)

    @cached_property
    def ids(self) -> NDArray[np.uint8]:
        """Their IDs; a copy, which figures of the index alone do not need."""
        return self.index.ids_at(self.first)


def _count(task: Task[InfoSpec], detail: InfoDetail) -> Figures:
    index = detail.index.index
    chunks = _Distinct(index, index.distinct())
    sizes = index.lengths_at(chunks.first)
    in_seed = _in_seeds(chunks, [seed.index for seed in detail.seeds])
    in_cache = _in_cache(task, chunks)
    wanted = ~(in_seed | in_cache)
    return Figures(
        {
            "total": len(index),
            "unique": len(chunks),
            "in-store": int(_in_stores(task, chunks).sum()),
            "in-seed": int(in_seed.sum()),
            "in-cache": int(in_cache.sum()),
            "not-in-seed-nor-cache": int(wanted.sum()),
            "size": index.blob_size,
            "dedup-size-not-in-seed": int(sizes[~in_seed].sum()),
            "dedup-size-not-in-seed-nor-cache": int(sizes[wanted].sum()),
            "dedup-size-not-in-seed-nor-cache-compressed": _compressed(task, chunks, sizes, wanted),
            "chunk-size-min": index.sizes.minimum,
            "chunk-size-avg": index.sizes.average,
            "chunk-size-max": index.sizes.maximum,
        }
    )


def _in_seeds(chunks: _Distinct, seeds: list[Index]) -> Flags:
    if not seeds:
        return np.zeros(len(chunks), np.bool_)
    both = np.concatenate([chunks.ids, *(seed.rows.run_ids for seed in seeds)])
    first, group = unique_chunks(both)
    in_seed = np.zeros(len(first), np.bool_)
    in_seed[group[len(chunks) :]] = True
    found: Flags = in_seed[group[: len(chunks)]]
    return found


def _in_cache(task: Task[InfoSpec], chunks: _Distinct) -> Flags:
    if task.spec.cache is None:
        return np.zeros(len(chunks), np.bool_)
    return ~lacking_in(task, task.spec.cache, Reading(chunks.index.algorithm), chunks.ids)


def _in_stores(task: Task[InfoSpec], chunks: _Distinct) -> Flags:
    found = np.zeros(len(chunks), np.bool_)
    reading = Reading(chunks.index.algorithm)
    for name in task.spec.stores:
        asked = np.flatnonzero(~found)
        found[asked] = ~lacking_in(task, name, reading, chunks.ids[asked])
    return found


def _compressed(
    task: Task[InfoSpec], chunks: _Distinct, sizes: NDArray[np.int64], wanted: Flags
) -> int:
    """Sum stored sizes from `chunks_info`; 0 where it lacks any, as desync says it."""
    if task.spec.chunks_info is None:
        return 0
    stored = known_sizes(task, task.spec.chunks_info, chunks.ids, sizes)[wanted]
    return int(stored.sum()) if stored.all() else 0
