"""Which of several sets of keys says what an operation is about: exactly one of them is given.

An `extract` is about one blob, a list of them, or whatever a pattern stands for; a `make` about
one blob or many. No two of them go to one file.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from desync_jobs.manifest.base import Found, OperationBase
from desync_jobs.manifest.indexes import SUFFIX, index_name

if TYPE_CHECKING:
    from desync_jobs.manifest.operations.extract import ExtractSpec
    from desync_jobs.manifest.operations.make import MakeSpec

Ways = Sequence[Sequence[str]]
"""Sets of keys, of which one is given whole, and nothing of the others."""


def extract_choice(spec: "ExtractSpec", directory: str) -> Iterator[Found]:
    """Yield what is wrong with the blobs of `spec`; its paths are relative to `directory`."""
    from desync_jobs.manifest.operations.extract import WAYS

    unclear = list(_unclear(spec, WAYS))
    yield from unclear
    if any(where == () for where, _ in unclear):
        return
    if spec.several and spec.blob_digest is not None:
        yield ("blob_digest",), "is that of one blob; list the blobs, each with its own"
    yield from _nameless(spec)
    pairs = [(blob.index, blob.target) for blob in spec.listed]
    for at, message in _shared(pairs, "blobs", directory):
        yield (("blobs", at, "target") if spec.blobs else ("indexes",)), message


def make_choice(spec: "MakeSpec", directory: str) -> Iterator[Found]:
    """Yield what is wrong with the blobs of `spec`; its paths are relative to `directory`."""
    from desync_jobs.manifest.operations.make import WAYS

    unclear = list(_unclear(spec, WAYS))
    yield from unclear
    if unclear:
        return
    for at, text in enumerate(spec.blobs):
        if not os.path.basename(text):
            yield ("blobs", at), "should end in the name of a blob, which is what names the index"
    pairs = [(one.blob, one.index) for one in spec.listed]
    for at, message in _shared(pairs, "indexes", directory):
        yield ("blobs", at), message


def _unclear(spec: OperationBase, ways: Ways) -> Iterator[Found]:
    given = [key for way in ways for key in way if getattr(spec, key) not in (None, ())]
    chosen = [way for way in ways if set(way) & set(given)]
    if len(chosen) != 1:
        choices = ", or ".join(" and ".join(way) for way in ways)
        found = f", not {', '.join(given)} together" if given else ""
        yield (), f"give either {choices}{found}"
        return
    for key in chosen[0]:
        if key not in given:
            yield (key,), "missing"


def _nameless(spec: "ExtractSpec") -> Iterator[Found]:
    for at, text in enumerate(spec.indexes):
        name = index_name(text)
        if name == SUFFIX or not name.endswith(SUFFIX):
            message = f"should end in a name and {SUFFIX}, which is what names the blob"
            yield ("indexes", at), message


def _shared(
    pairs: Iterable[tuple[str, str]], what: str, directory: str
) -> Iterator[tuple[int, str]]:
    """Yield which of some inputs goes where one before it does, and that in words."""
    seen: dict[str, str] = {}
    for at, (read, written) in enumerate(pairs):
        path = os.path.normpath(os.path.join(directory, written))
        if path in seen:
            yield at, f"the {what} of {seen[path]} and {read} both go to {written}"
        seen.setdefault(path, read)
