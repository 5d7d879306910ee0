"""Inputs without which nothing can be planned, each refused with one clear error."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from desync_jobs.errors import (
    IndexMissingError,
    MountError,
    SourceError,
    StoreError,
    UsageError,
)
from desync_jobs.planner.facts import FileFacts, FileKind, IndexFacts, StoreFacts

if TYPE_CHECKING:
    from desync_jobs.formats.index import Index


def need_index(facts: IndexFacts | None, path: str) -> IndexFacts:
    """Return `facts`; `IndexMissingError` where there is no such file."""
    if facts is None:
        raise IndexMissingError(f"{path}: index does not exist")
    return facts


def need_blob(facts: FileFacts) -> FileFacts:
    """Return `facts` of something that can be read as a blob, or raise `SourceError`."""
    if facts.kind is FileKind.ABSENT:
        raise SourceError(f"{facts.path}: blob does not exist")
    if facts.kind is FileKind.DIRECTORY:
        raise SourceError(f"{facts.path} is a directory; a blob is a file or a device")
    return facts


def need_size(facts: FileFacts) -> FileFacts:
    """Return `facts` of a blob that can be read at any position, or raise `SourceError`."""
    if need_blob(facts).kind is FileKind.STREAM:
        raise SourceError(f"{facts.path} is a stream; this operation needs a file or a device")
    return facts


def need_apart(output: FileFacts, read: FileFacts | IndexFacts) -> None:
    """Raise `UsageError` where `output` would take the place of `read`, under whatever name."""
    if output.identity is not None and output.identity == read.identity:
        name = "standard input" if read.path == "-" else read.path
        raise UsageError(f"{output.path} is the same file as {name}, which is read; name another")


def need_mountpoint(path: str, *, exists: bool) -> None:
    """Raise `MountError` where there is no directory to mount at."""
    if not exists:
        raise MountError(f"{path} is not a directory; make it, or correct mountpoint")


def need_store(facts: StoreFacts) -> StoreFacts:
    """Return `facts` of a store whose directory exists, or raise `StoreError`."""
    if not facts.present:
        raise StoreError(
            f"store {facts.name}: {facts.location} is not a directory; correct its url or create it"
        )
    return facts


def need_stores(stores: Iterable[StoreFacts], index: "Index") -> None:
    """Raise `StoreError` for the first of `stores` that does not exist.

    An index without chunks asks for none, and whoever made it had none to put into a store.
    """
    if len(index):
        for store in stores:
            need_store(store)
