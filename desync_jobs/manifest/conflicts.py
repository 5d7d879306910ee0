"""Keys of one operation that are right each by itself, but not together.

pydantic's own cross-checks run only where every key is right, and their findings
have no place; so these stand apart and are asked of every operation that is right.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from pydantic import ValidationError

from desync_jobs.errors import Problem
from desync_jobs.manifest.base import Found
from desync_jobs.manifest.endless import EndlessSpec
from desync_jobs.manifest.locations import resolved
from desync_jobs.manifest.operations import KINDS, OperationSpec
from desync_jobs.manifest.seeds import SeedSpec

if TYPE_CHECKING:
    from desync_jobs.manifest.operations.chunk import ChunkSpec
    from desync_jobs.manifest.operations.make import MakeSpec
    from desync_jobs.manifest.operations.put import PutSpec
    from desync_jobs.manifest.operations.serve_chunks import ServeChunksSpec
    from desync_jobs.manifest.operations.tar import TarSpec
    from desync_jobs.manifest.operations.untar import UntarSpec
    from desync_jobs.manifest.operations.verify import VerifySpec


def valid_operations(document: Mapping[str, Any]) -> dict[str, OperationSpec]:
    """Return the operations of `document` that are right, whatever the rest of it is."""
    operations = document.get("operations")
    found: dict[str, OperationSpec] = {}
    for name, fields in operations.items() if isinstance(operations, dict) else ():
        kind = fields.get("kind") if isinstance(fields, dict) else None
        spec = KINDS.get(kind) if isinstance(kind, str) else None
        if spec is not None:
            try:
                found[name] = cast("OperationSpec", spec.model_validate(fields))
            except ValidationError:  # told by the validation of the whole
                continue
    return found


def conflicts(operations: Mapping[str, OperationSpec], directory: str) -> Iterator[Problem]:
    """Yield what contradicts itself within one operation."""
    yield from _endless_after_endless(operations)
    for name, operation in operations.items():
        yield from _overwritten_input(name, operation, directory)
        for check in _CHECKS.get(operation.kind, ()):
            yield from check(name, operation)
        for where, message in operation.contradictions():
            yield Problem(("operations", name, *where), message)
        for where, message in _unclear_choice(operation, directory):
            yield Problem(("operations", name, *where), message)


def seed_conflicts(seeds: Mapping[str, SeedSpec]) -> Iterator[Problem]:
    """Yield what contradicts itself within one seed."""
    for name, seed in seeds.items():
        given = [one for one in (seed.blob, seed.directory, seed.tree) if one is not None]
        if len(given) != 1:
            yield Problem(("seeds", name), "give one of blob, with its index, directory and tree")
        elif seed.directory is not None and seed.index is not None:
            yield Problem(("seeds", name, "index"), "a directory has its own indexes; leave it out")
        elif seed.tree is not None and seed.index is not None:
            yield Problem(("seeds", name, "index"), "a tree is cut when it is used; leave it out")


def tree_conflicts(
    operations: Mapping[str, OperationSpec], seeds: Mapping[str, SeedSpec]
) -> Iterator[Problem]:
    """Yield where a tree is a seed of what can only take blobs."""
    for name, operation in operations.items():
        if operation.kind == "extract":
            for at, seed in enumerate(operation.seeds):
                if seed in seeds and seeds[seed].tree is not None:
                    message = (
                        f"{seed!r} is a directory tree, a seed of archives; `untar` and `cat` "
                        "take it, `extract` takes blobs"
                    )
                    yield Problem(("operations", name, "seeds", at), message)


def _overwritten_input(name: str, operation: OperationSpec, directory: str) -> Iterator[Problem]:
    touched = operation.access()
    reads = {resolved(directory, path) for path in touched.reads}
    for path in touched.writes:
        if resolved(directory, path) in reads:
            yield Problem(("operations", name), f"reads and writes the same file {path!r}")


def _endless_after_endless(operations: Mapping[str, OperationSpec]) -> Iterator[Problem]:
    """Yield what would begin after something that ends only when it is stopped."""
    endless = [name for name, one in operations.items() if isinstance(one, EndlessSpec)]
    for name in endless[1:]:
        message = f"{endless[0]!r} goes on until it is stopped already; write another job"
        yield Problem(("operations", name), message)
    for name, operation in operations.items():
        for at, other in enumerate(operation.after):
            if other in endless:
                message = f"{other!r} goes on until it is stopped; nothing comes after it"
                yield Problem(("operations", name, "after", at), message)


def _unclear_choice(operation: OperationSpec, directory: str) -> Iterator[Found]:
    if operation.kind == "extract":
        from desync_jobs.manifest.choice import extract_choice

        yield from extract_choice(operation, directory)
    elif operation.kind == "make":
        from desync_jobs.manifest.choice import make_choice

        yield from make_choice(operation, directory)


def _unwritable(name: str, operation: "ServeChunksSpec") -> Iterator[Problem]:
    if operation.writable and (len(operation.stores) > 1 or operation.cache is not None):
        message = "clients can add chunks to one store without a cache; leave out the others"
        yield Problem(("operations", name, "writable"), message)


def _impossible_sizes(
    name: str, operation: "MakeSpec | ChunkSpec | PutSpec | TarSpec"
) -> Iterator[Problem]:
    try:
        operation.chunk_size.check(operation.cut)
    except ValueError as error:
        yield Problem(("operations", name, "chunk_size"), str(error))


def _misnamed(name: str, operation: "MakeSpec") -> Iterator[Problem]:
    from desync_jobs.manifest.archive import ARCHIVE_SUFFIX
    from desync_jobs.manifest.indexes import SUFFIX, index_name

    if index_name(operation.index or "").endswith(ARCHIVE_SUFFIX):
        message = (
            f"ends in {ARCHIVE_SUFFIX}, which is the index of an archive; kind 'put' makes one of "
            f"an archive, and that of a blob ends in {SUFFIX}"
        )
        yield Problem(("operations", name, "index"), message)


def _unclear_archiving(name: str, operation: "TarSpec") -> Iterator[Problem]:
    from desync_jobs.manifest.archiving import archiving_problems

    for where, message in archiving_problems(operation):
        yield Problem(("operations", name, *where), message)


def _unclear_tree(name: str, operation: "UntarSpec") -> Iterator[Problem]:
    from desync_jobs.manifest.operations.untar import untar_problems

    for where, message in untar_problems(operation):
        yield Problem(("operations", name, *where), message)


def _unclear_verification(name: str, operation: "VerifySpec") -> Iterator[Problem]:
    from desync_jobs.manifest.operations.verify import verify_problems

    for where, message in verify_problems(operation):
        yield Problem(("operations", name, *where), message)


_CHECKS: Final[Mapping[str, tuple[Callable[[str, Any], Iterator[Problem]], ...]]] = {
    "make": (_impossible_sizes, _misnamed),
    "chunk": (_impossible_sizes,),
    "put": (_impossible_sizes,),
    "tar": (_impossible_sizes, _unclear_archiving),
    "serve-chunks": (_unwritable,),
    "untar": (_unclear_tree,),
    "verify": (_unclear_verification,),
}
"""What is asked of operations of some kinds."""
