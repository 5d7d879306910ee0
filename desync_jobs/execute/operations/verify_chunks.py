"""Doing `verify-chunks`: every distinct chunk of some indexes is looked for, or fetched."""

from collections import Counter
from collections.abc import Iterator, Mapping
from operator import attrgetter

import numpy as np

from desync_jobs.assembly.batches import size_batches
from desync_jobs.errors import (
    ChunkInvalidError,
    ChunkMissingError,
    DesyncRunError,
    InvalidDataError,
    MissingError,
    SourceError,
    StoreError,
)
from desync_jobs.execute.findings import Finding, write_report
from desync_jobs.execute.gathering import Gathered
from desync_jobs.execute.index_set import read_index_set
from desync_jobs.execute.kept import presence_of, rows
from desync_jobs.execute.opening import Reading, open_stores, source_facts
from desync_jobs.execute.progress import Phase
from desync_jobs.execute.result import Done, Status
from desync_jobs.execute.task import Task
from desync_jobs.manifest.operations.verify_chunks import VerifyChunksSpec
from desync_jobs.planner.copied import Lacking
from desync_jobs.planner.operations.verify_chunks import CheckedIndex, VerifyChunksFacts
from desync_jobs.planner.step import Step
from desync_jobs.report.words import counted, listed
from desync_jobs.stores.base import ChunkSource, Presence

_PROBLEMS = ("missing", "damaged", "unknown")
"""From the worst on: what decides about the exit code."""


def survey_verify_chunks(task: Task[VerifyChunksSpec]) -> VerifyChunksFacts:
    """Read every index, and gather what they need."""
    gathered = Gathered()
    indexes = []
    for one in read_index_set(task):
        gathered.add(one.index)
        indexes.append(CheckedIndex(one.name, one.digest))
    stores = source_facts(task, task.spec.stores)
    return VerifyChunksFacts(stores, tuple(indexes), tuple(gathered.parts()))


def do_verify_chunks(task: Task[VerifyChunksSpec], step: Step) -> Done:
    """Look for every chunk, and tell which indexes are not complete."""
    facts, spec = step.detail_as(VerifyChunksFacts), task.spec
    phase = task.phase("verifying", step.cost.work, "bytes" if spec.content else "chunks")
    findings: list[Finding] = []
    for part in facts.wanted:
        stores = open_stores(task, spec.stores, Reading(part.algorithm, part.limit, always=True))
        look = _fetched if spec.content else _asked
        findings += look(task, stores, part, phase)
    findings.sort(key=attrgetter("chunk"))
    write_report(task, spec.report, findings)
    counts = Counter(one.problem for one in findings)
    incomplete = _incomplete(task, facts, findings) if findings else {}
    for name, found in incomplete.items():
        task.warn(f"{name}: {_words(found)}")
    statistics = {
        "indexes": len(facts.indexes),
        "chunks": sum(len(part.ids) for part in facts.wanted),
        **{problem: counts[problem] for problem in _PROBLEMS},
        "incomplete": {name: dict(found) for name, found in incomplete.items()},
    }
    if findings:
        return Done(Status.FAILED, statistics, _error(counts, incomplete))
    return Done(statistics=statistics)


def _asked(
    task: Task[VerifyChunksSpec], stores: ChunkSource, part: Lacking, phase: Phase
) -> Iterator[Finding]:
    """Yield what stores do not say they have."""
    for begin, answers in presence_of(stores, part.ids, task.machine.workers):
        for number, answer in enumerate(answers, begin):
            chunk = part.ids[number].tobytes().hex()
            if answer is Presence.NO:
                yield Finding(chunk, "missing", stores.name, "no store has it")
            elif answer is Presence.UNKNOWN:
                yield Finding(chunk, "unknown", stores.name, "a store cannot tell")
        phase.advance(len(answers))


def _fetched(
    task: Task[VerifyChunksSpec], stores: ChunkSource, part: Lacking, phase: Phase
) -> Iterator[Finding]:
    """Yield what cannot be fetched whole."""

    def fetch(span: tuple[int, int]) -> list[Finding]:
        found = []
        for answer in stores.fetch(rows(part.ids[slice(*span)])):
            if isinstance(answer, ChunkMissingError):
                chunk = answer.chunk_id.hex()
                found.append(Finding(chunk, "missing", stores.name, "no store has it"))
            elif isinstance(answer, ChunkInvalidError):
                chunk = answer.chunk_id.hex()
                found.append(Finding(chunk, "damaged", answer.store, answer.reason))
        phase.advance(int(part.sizes[slice(*span)].sum()))
        return found

    for found in task.machine.workers.ordered(fetch, size_batches(part.sizes)):
        yield from found


def _incomplete(
    task: Task[VerifyChunksSpec], facts: VerifyChunksFacts, findings: list[Finding]
) -> dict[str, Counter[str]]:
    """Read the indexes again, and say of each what its chunks have of `findings`."""
    keys = np.array([bytes.fromhex(one.chunk) for one in findings], "S32")
    problems = np.array([_PROBLEMS.index(one.problem) for one in findings])
    incomplete = {}
    for checked, one in zip(facts.indexes, read_index_set(task), strict=False):
        if (one.name, one.digest) != (checked.name, checked.digest):
            raise SourceError(f"{one.name}: changed while its chunks were looked for; run again")
        ids = np.ascontiguousarray(one.index.ids_at(one.index.distinct())).view("S32").reshape(-1)
        hit = problems[np.isin(keys, ids)]
        if len(hit):
            counts = np.bincount(hit, minlength=len(_PROBLEMS)).tolist()
            incomplete[one.name] = Counter(dict(zip(_PROBLEMS, counts, strict=True)))
    return incomplete


def _words(counts: Mapping[str, int]) -> str:
    told = {"missing": "missing", "damaged": "damaged", "unknown": "of which a store cannot tell"}
    return ", ".join(
        f"{counted(counts[problem], 'chunk')} {words}"
        for problem, words in told.items()
        if counts[problem]
    )


def _error(counts: Counter[str], incomplete: dict[str, Counter[str]]) -> DesyncRunError:
    message = f"{_words(counts)}; not complete: {listed(list(incomplete))}"
    if counts["missing"]:
        return MissingError(message)
    return InvalidDataError(message) if counts["damaged"] else StoreError(message)
