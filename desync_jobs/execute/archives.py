"""Reading an archive once, from a file, from standard input, or from chunks by their index."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from desync_jobs.core.chunk import BytesLike
from desync_jobs.errors import ArchiveFormatError
from desync_jobs.execute.blob_digest import owned_blocks
from desync_jobs.execute.inputs import file_facts, open_input
from desync_jobs.execute.progress import Phase
from desync_jobs.execute.task import Task
from desync_jobs.formats.catar.decode import Decoder, Taker
from desync_jobs.formats.catar.listing import escaped
from desync_jobs.formats.catar.reading import Event, LeftOut, Opened, TreeReader
from desync_jobs.formats.catar.records import Entry
from desync_jobs.formats.catar.rules import is_desyncs
from desync_jobs.formats.flags import FeatureFlags
from desync_jobs.manifest.archive import ArchiveSpec
from desync_jobs.manifest.sources import SourcesSpec
from desync_jobs.planner.archives import Archive, ArchiveFacts, archive_cost
from desync_jobs.planner.cost import Cost
from desync_jobs.planner.facts import FileFacts

if TYPE_CHECKING:
    from desync_jobs.archive.tree_seed import TreeSeed
    from desync_jobs.archive.twins import Twins
    from desync_jobs.formats.index import Index


def survey_archive(task: Task[ArchiveSpec]) -> ArchiveFacts:
    """Look at the archive, or read its index and look at what may have the chunks."""
    spec = task.spec
    if spec.index is not None:
        from desync_jobs.execute.blob_range import survey_range

        return survey_range(task, spec.index)
    return file_facts(task.path(spec.archive or ""), task.machine.streams)


def preview_archive(task: Task[SourcesSpec], archive: Archive) -> Cost:
    """Look where each chunk to be fetched is, and say what reading costs by that."""
    if isinstance(archive, FileFacts):
        return archive_cost(task.spec, archive)
    from desync_jobs.execute.blob_range import preview_range

    return archive_cost(task.spec, archive, preview_range(task, archive))


def _keep_nothing(block: BytesLike, /) -> None:
    """Let a block pass."""


@dataclass(frozen=True, slots=True)
class ArchiveSource:
    """What an archive is read from."""

    pieces: Iterable[BytesLike]
    statistics: Callable[[], dict[str, object]] = dict
    index: "Index | None" = None
    trees: "tuple[TreeSeed, ...]" = ()
    """Seeds whose files have some of it."""


class OpenArchive:
    """An archive that is being read, once."""

    def __init__(
        self, name: str, source: ArchiveSource, warn: Callable[[str], None], phase: Phase
    ) -> None:
        self.name = name
        """What it is called in errors."""
        self.statistics = source.statistics
        """Where its chunks came from, where it has an index."""
        self._source = source
        self._pieces = iter(source.pieces)
        self._warn = warn
        self._phase = phase

    @property
    def size(self) -> int:
        """How many bytes of it were read."""
        return self._phase.done

    def features(self) -> int:
        """Return its feature flags, which it begins with; `ArchiveFormatError` where it has none.

        May be called before `events`.
        """
        held: list[BytesLike] = []
        decoder = Decoder(self.name)
        for piece in self._pieces:
            held.append(bytes(piece))
            root = next(decoder.feed(held[-1]), None)
            if isinstance(root, Entry):
                self._pieces = chain(held, self._pieces)
                return root.feature_flags
        decoder.finish()
        raise AssertionError("an archive that is complete has a root")

    def twins(self) -> "Twins | None":
        """Return the files that seeds have of it; None where none of them is a tree."""
        index, trees = self._source.index, self._source.trees
        if index is None or not trees:
            return None
        from desync_jobs.archive.twins import Twins

        return Twins(index, trees)

    def plain(self) -> Iterator[BytesLike]:
        """Yield its bytes as they are; for one that this program makes at this moment."""
        for block in self._pieces:
            yield block
            self._phase.advance(len(block))

    def events(
        self, copy: Callable[[BytesLike], object] = _keep_nothing, taker: Taker | None = None
    ) -> Iterator[Event]:
        """Yield what is in it; `copy` is given its bytes, each before what comes of them.

        What `taker` takes for itself is not yielded.

        Raises `ArchiveFormatError` where it is no archive, or not the one that its index is of;
        warns of names that desync left without anything.
        """
        reader, index = TreeReader(self.name, taker), self._source.index
        left_out: list[bytes] = []
        count = 0
        for block in self._pieces:
            copy(block)
            for event in reader.feed(block):
                if isinstance(event, LeftOut):
                    left_out, count = left_out or [event.path], count + 1
                if index is not None and isinstance(event, Opened) and event.path == b".":
                    check_archive_flags(self.name, event.node.entry.feature_flags, index)
                yield event
            self._phase.advance(len(block))
        reader.finish()
        if left_out:
            self._warn(
                f"{self.name}: desync left out what it could not keep, a FIFO or a socket: "
                f"{escaped(left_out[0])}" + (f" and {count - 1:,} more" if count > 1 else "")
            )


def check_archive_flags(name: str, found: int, index: "Index") -> None:
    """Hold an archive's feature flags against its index's, as casync does; `ArchiveFormatError`."""
    # Every archive of desync's claims the same digest, whichever its chunks have.
    apart = FeatureFlags.SHA512_256 if is_desyncs(found) else 0
    if (index.flags ^ found) & ~apart:
        raise ArchiveFormatError(
            f"{name}: its feature flags are {found:#x}, those of its index {index.flags:#x}: that "
            "is the index of a blob, or of another archive; `put` makes one of an archive"
        )


@contextmanager
def open_archive(task: Task[SourcesSpec], archive: Archive) -> Iterator[OpenArchive]:
    """Open `archive` for one reading, in a phase of its own; chunks are verified."""
    if isinstance(archive, FileFacts):
        with open_file(task, archive) as opened:
            yield opened
        return
    from desync_jobs.execute.blob_range import open_range

    where = _named(archive.found.path)
    phase = task.phase("reading", archive.size)
    with open_range(task, archive) as blob:
        name = f"archive of {where}"
        source = ArchiveSource(blob.pieces, blob.statistics, archive.index, blob.trees)
        yield OpenArchive(name, source, task.warn, phase)


@contextmanager
def open_file(task: Task[Any], archive: FileFacts) -> Iterator[OpenArchive]:
    """Open an archive that is one file or stream for one reading, in a phase of its own."""
    name = _named(archive.path)
    phase = task.phase("reading", archive.size)
    with (
        open_input(archive.path, task.machine.streams) as fd,
        # Whoever stops reading before the end leaves no thread that reads.
        closing(owned_blocks(fd, name, task.machine.workers)) as pieces,
    ):
        yield OpenArchive(name, ArchiveSource(pieces), task.warn, phase)


def _named(path: str) -> str:
    return "standard input" if path == "-" else path
