"""What an `extract` is about: one blob, a list of them, or whatever a pattern stands for.

Exactly one of the three is given; no two blobs go to one file.
"""

import os
from collections.abc import Iterator
from typing import Final

from desync_jobs.manifest.operations.extract import SUFFIX, ExtractSpec, index_name
from desync_jobs.manifest.variables import Where

_CHOICES: Final = "either index and target, or blobs, or indexes and targets"
_PARTNERS: Final = {"index": "target", "target": "index", "indexes": "targets"}

Found = tuple[Where, str]
"""The path of keys within the operation, and the message."""


def choice_problems(spec: ExtractSpec, directory: str) -> Iterator[Found]:
    """Yield what is wrong with the blobs of `spec`; its paths are relative to `directory`."""
    given = [key for key in ("index", "target", "blobs", "indexes", "targets") if _has(spec, key)]
    ways = {"one": "one", "target": "one", "index": "one", "blobs": "list"}
    chosen = {ways.get(key, "pattern") for key in given}
    if len(chosen) != 1:
        found = f", not {', '.join(given)} together" if given else ""
        yield (), f"give {_CHOICES}{found}"
        return
    for key in given:
        partner = _PARTNERS.get(key, "indexes" if key == "targets" else key)
        if partner not in given:
            yield (partner,), "missing"
    if spec.several and spec.blob_digest is not None:
        yield ("blob_digest",), "is that of one blob; list the blobs, each with its own"
    yield from _nameless(spec)
    yield from _shared_targets(spec, directory)


def _has(spec: ExtractSpec, key: str) -> bool:
    return getattr(spec, key) not in (None, ())


def _nameless(spec: ExtractSpec) -> Iterator[Found]:
    for at, text in enumerate(spec.indexes):
        name = index_name(text)
        if name == SUFFIX or not name.endswith(SUFFIX):
            message = f"should end in a name and {SUFFIX}, which is what names the blob"
            yield ("indexes", at), message


def _shared_targets(spec: ExtractSpec, directory: str) -> Iterator[Found]:
    seen: dict[str, str] = {}
    for at, blob in enumerate(spec.listed):
        path = os.path.normpath(os.path.join(directory, blob.target))
        if path in seen:
            where: Where = ("blobs", at, "target") if spec.blobs else ("indexes",)
            yield where, f"the blobs of {seen[path]} and {blob.index} both go to {blob.target}"
        seen.setdefault(path, blob.index)
