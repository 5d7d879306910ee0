"""Which blobs an `extract` of many is about, as the files are now."""

import glob
import os
from collections.abc import Iterator

from desync_jobs.errors import IndexMissingError, UsageError
from desync_jobs.manifest.blob import BlobSpec
from desync_jobs.manifest.globs import is_pattern
from desync_jobs.manifest.job import Job
from desync_jobs.manifest.operations.extract import ExtractSpec


def blobs_of(job: Job, name: str, spec: ExtractSpec) -> list[BlobSpec]:
    """Return the blobs of the operation `name`: as listed, those of one pattern sorted by path.

    Raises `IndexMissingError` for a pattern that stands for no file, and `UsageError` where
    another operation writes one of the targets: only now it is known which those are.
    """
    blobs = list(spec.blobs or _found(job, spec))
    others = dict(_targets_of_others(job, name))
    for blob in blobs:
        path = job.path(blob.target)
        if path in others:
            raise UsageError(
                f"{path} is written by operation {others[path]!r} too; "
                "give one of them another target"
            )
    return blobs


def _found(job: Job, spec: ExtractSpec) -> Iterator[BlobSpec]:
    """Yield the blobs of what `indexes` stands for, each index once."""
    seen = set()
    for text in spec.indexes:
        paths = _files(job, text) if is_pattern(text) else [text]
        for path in paths:
            if job.path(path) not in seen:
                seen.add(job.path(path))
                yield BlobSpec.model_construct(
                    index=path, target=spec.beside(path), blob_digest=None
                )


def _files(job: Job, pattern: str) -> list[str]:
    paths = sorted(glob.glob(job.pattern(pattern)))
    if paths:
        return paths
    folder = job.path(_before_patterns(pattern))
    if not os.path.isdir(folder):
        raise IndexMissingError(f"{pattern}: {folder} is not a directory; correct it or create it")
    raise IndexMissingError(f"{pattern}: no index has such a name; correct it or leave it out")


def _before_patterns(pattern: str) -> str:
    """Return the directory that stands before the first part of several meanings."""
    folder = os.path.dirname(pattern)
    while is_pattern(folder):
        folder = os.path.dirname(folder)
    return folder or os.curdir


def _targets_of_others(job: Job, name: str) -> Iterator[tuple[str, str]]:
    for other, spec in job.spec.operations.items():
        if other == name:
            continue
        for path in spec.access().writes:
            yield job.path(path), other
        if isinstance(spec, ExtractSpec) and spec.indexes:
            for pattern in filter(is_pattern, spec.indexes):
                for path in glob.glob(job.pattern(pattern)):
                    yield job.path(spec.beside(path)), other
