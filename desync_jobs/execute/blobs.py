"""Which blobs an operation on many is about, as the files are now."""

import glob
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from desync_jobs.errors import DesyncRunError, IndexMissingError, SourceError, UsageError
from desync_jobs.manifest.globs import is_of, is_pattern
from desync_jobs.manifest.job import Job
from desync_jobs.manifest.operations import OperationSpec

if TYPE_CHECKING:
    from desync_jobs.manifest.blob import BlobSpec
    from desync_jobs.manifest.operations.extract import ExtractSpec
    from desync_jobs.manifest.operations.make import MakeSpec, OneMakeSpec


def blobs_of(job: Job, name: str, spec: "ExtractSpec") -> "list[BlobSpec]":
    """Return the blobs of the operation `name`: as listed, those of one pattern sorted by path.

    Raises `IndexMissingError` for a pattern that stands for no file, and `UsageError` where
    another operation writes one of the targets: only now it is known which those are.
    """
    # Imported where it is needed: a job has only the kinds of operations that are in it.
    from desync_jobs.manifest.blob import BlobSpec

    blobs = list(spec.blobs) or [
        BlobSpec.model_construct(index=path, target=spec.beside(path), blob_digest=None)
        for path in _found(job, spec.indexes, "index", IndexMissingError)
    ]
    _check_targets(job, name, [blob.target for blob in blobs])
    return blobs


def blobs_made(job: Job, name: str, spec: "MakeSpec") -> "list[OneMakeSpec]":
    """Return what is to be done with each blob of the operation `name`, in the same order.

    Raises `SourceError` for a pattern that stands for no file, and `UsageError` where another
    operation writes one of the indexes.
    """
    found = [
        spec.of_one(path, spec.beside(path))
        for path in _found(job, spec.blobs, "blob", SourceError)
    ]
    _check_targets(job, name, [one.index for one in found])
    return found


def folders_of_blobs(job: Job, spec: "MakeSpec") -> list[str]:
    """Return the directories that the blobs of an operation are in, links followed, each once.

    Where a pattern stands for nothing yet, it is the directory below which that may be.
    """
    folders = [job.path(_before_patterns(text)) for text in spec.blobs if is_pattern(text)]
    for text in spec.blobs:
        for path in _files(job, text) if is_pattern(text) else [job.path(text)]:
            folders += [os.path.dirname(path), os.path.dirname(os.path.realpath(path))]
    return list(dict.fromkeys(folders))


def _found(
    job: Job, texts: Sequence[str], what: str, missing: type[DesyncRunError]
) -> Iterator[str]:
    """Yield the paths that `texts` stand for, each once; `missing` for one that has none."""
    seen = set()
    for text in texts:
        paths = _files(job, text) if is_pattern(text) else [text]
        if not paths:
            raise missing(_nothing(job, text, what))
        for path in paths:
            if job.path(path) not in seen:
                seen.add(job.path(path))
                yield path


def _files(job: Job, pattern: str) -> list[str]:
    paths = sorted(glob.glob(job.pattern(pattern)))
    return [path for path in paths if is_of(path, pattern) and not os.path.isdir(path)]


def _nothing(job: Job, pattern: str, what: str) -> str:
    folder = job.path(_before_patterns(pattern))
    if not os.path.isdir(folder):
        return f"{pattern}: {folder} is not a directory; correct it or create it"
    return f"{pattern}: no {what} has such a name; correct it or leave it out"


def _before_patterns(pattern: str) -> str:
    """Return the directory that stands before the first part of several meanings."""
    folder = os.path.dirname(pattern)
    while is_pattern(folder):
        folder = os.path.dirname(folder)
    return folder or os.curdir


def _check_targets(job: Job, name: str, targets: Sequence[str]) -> None:
    others = dict(_targets_of_others(job, name))
    for path in map(job.path, targets):
        if path in others:
            raise UsageError(
                f"{path} is written by operation {others[path]!r} too; "
                "give one of them another target"
            )


def _targets_of_others(job: Job, name: str) -> Iterator[tuple[str, str]]:
    for other, spec in job.spec.operations.items():
        if other != name:
            for path in written_by(job, spec):
                yield path, other


def written_by(job: Job, spec: OperationSpec) -> Iterator[str]:
    """Yield the absolute paths and URLs that an operation writes, as the files are now."""
    yield from map(job.path, spec.access().writes)
    if spec.kind == "extract" or spec.kind == "make":  # noqa: PLR1714 - mypy tells them apart
        read = spec.indexes if spec.kind == "extract" else spec.blobs
        for pattern in filter(is_pattern, read):
            for path in _files(job, pattern):
                yield job.path(spec.beside(path))
