"""Deciding `tar`: archive a directory or a tar stream."""

from dataclasses import dataclass

from desync_jobs.errors import SourceError, UsageError
from desync_jobs.manifest.operations.tar import TarSpec
from desync_jobs.planner.cost import Amount, Cost
from desync_jobs.planner.facts import FileFacts, FileKind
from desync_jobs.planner.needed import need_apart
from desync_jobs.planner.step import Action, Decision


@dataclass(frozen=True, slots=True)
class TarFacts:
    """The top of the tree or the tar stream, and what is written."""

    source: FileFacts
    output: FileFacts
    inside: str | None
    """An output or store that is in the tree itself."""


def plan_tar(spec: TarSpec, facts: TarFacts) -> Decision:
    """Decide to read the tree; how much it has is known only then."""
    if spec.tar_stream is None:
        _need_tree(facts)
        read, reason = Amount("directory", 0, exact=False), "a directory tree is always read"
    else:
        size = _need_stream(facts).size
        read = Amount("tar stream", size, exact=size > 0)
        reason = "a tar stream is always read"
    if facts.output.kind is FileKind.DIRECTORY:
        raise UsageError(f"{facts.output.path} is a directory; name a file")
    cost = Cost((read,), tar_writes(spec, 0))
    return Decision(Action.RUN, reason, cost, changes=True, detail=facts.source)


def tar_writes(spec: TarSpec, size: int) -> tuple[Amount, ...]:
    """Return what is stored of an archive of `size` bytes, at the most; 0 where nobody looked."""
    if spec.store is None:
        return ()
    chunks = -(-size // spec.chunk_size.minimum)
    return (Amount(spec.store, size, chunks, chunks, exact=False),)


def _need_tree(facts: TarFacts) -> None:
    directory = facts.source
    if directory.kind is FileKind.ABSENT:
        raise SourceError(f"{directory.path}: directory does not exist")
    if directory.kind is not FileKind.DIRECTORY:
        raise SourceError(
            f"{directory.path} is not a directory; an archive is made of one, or of a tar_stream"
        )
    if facts.inside is not None:
        raise UsageError(
            f"{facts.inside} is in {directory.path}, which is archived; name another place"
        )


def _need_stream(facts: TarFacts) -> FileFacts:
    stream = facts.source
    if stream.kind is FileKind.ABSENT:
        raise SourceError(f"{stream.path}: tar stream does not exist")
    if stream.kind is FileKind.DIRECTORY:
        raise SourceError(f"{stream.path} is a directory; give it as directory")
    need_apart(facts.output, stream)
    return stream
