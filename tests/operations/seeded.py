"""Two releases of a thing, seeds to update one from, and what that must cost."""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from desync_jobs.formats.index import Index, parse_index
from desync_jobs.report.events import Event, PhaseStarted
from tests.vectors.inputs import ctr, text
from tests.workspace import Collector, Ended, How, Workspace, ids_of

OLD: Final = b"".join(
    (ctr(160_000, b"head"), bytes(150_000), text(90_000), ctr(120_000, b"middle"), b"old end")
)
"""The release that is at hand."""

# Something inserted, replaced, moved, repeated and left out; more zeros, and another end.
NEW: Final = b"".join(
    (
        b"inserted at the front",
        OLD[:100_000],
        ctr(60_000, b"replaced"),
        bytes(220_000),
        OLD[420_000:510_000],
        OLD[310_000:380_000],
        OLD[420_000:510_000],
        ctr(50_000, b"added") * 2,
        b"another end",
    )
)
"""The release that is wanted."""

OTHER: Final = b"".join((OLD[20_000:90_000], ctr(70_000, b"other"), NEW[100_000:180_000]))
"""A third one, that has things of both."""

SEEDS: Final[dict[str, list[bytes]]] = {
    "none": [],
    "one": [OLD],
    "several": [OLD, OTHER],
    "the same twice": [OLD, OLD],
    "identical": [NEW],
    "identical, but last": [OLD, OTHER, NEW],
    "useless": [ctr(200_000, b"useless")],
    "empty": [b""],
    "zeros": [bytes(300_000)],
    "repeating": [OLD[:50_000] * 3 + OLD[420_000:510_000] * 2],
    "all kinds": [b"", ctr(90_000, b"useless"), OTHER, bytes(40_000), OLD, b"x"],
}


@cache
def index_file(blob: bytes) -> bytes:
    """Return the index file of `blob`, with small chunks."""
    with TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        workspace.make("blob", blob, store=None)
        return (workspace / "blob.caibx").read_bytes()


def put_pair(path: Path, blob: bytes, described: bytes | None = None) -> Path:
    """Write `blob` at `path` and beside it its index, or that of `described`; returns that."""
    path.write_bytes(blob)
    index = index_file(blob if described is None else described)
    beside = path.with_name(f"{path.name}.caibx")
    beside.write_bytes(index)
    return beside


LONG_AGO: Final = 1_500_000_000
"""When blobs were written that are not to look new."""


def declare(workspace: Workspace, blobs: Iterable[bytes]) -> list[str]:
    """Make seeds of blobs, each with its index, and return their names in order."""
    names = []
    for number, blob in enumerate(blobs, 1):
        name = f"seed{number}"
        put_pair(workspace / f"{name}.blob", blob)
        workspace.seeds[name] = {"blob": f"{name}.blob", "index": f"{name}.blob.caibx"}
        names.append(name)
    return names


def extracted(workspace: Workspace, how: How | None = None, /, **fields: Any) -> Ended:
    """Do the same; it must succeed, and is put out of the way for the next time."""
    ended = extract(workspace, how, **fields)
    assert ended.summary == (0, "done"), ended.message
    assert (workspace / "copy").read_bytes() == NEW
    (workspace / "copy").unlink()
    return ended


def pieces(index: Index, blob: bytes) -> list[bytes]:
    """Return what `blob` has where the chunks of `index` are."""
    return [blob[index.start(at) : index.end(at)] for at in range(len(index))]


def extract(workspace: Workspace, how: How | None = None, /, **fields: Any) -> Ended:
    """Extract `new` to `copy` from `store`, or what `fields` say."""
    plain = {"index": "new.caibx", "target": "copy", "stores": ["store"]}
    return workspace.do("extract", how, **plain | fields)


@dataclass
class Expected:
    """Where each chunk of an index must come from, found out one by one."""

    index: Index
    blob: bytes
    held: set[bytes]
    """IDs that seeds have."""
    target: bytes = b""
    """What is kept where it is right."""
    fetched: dict[bytes, int] = field(default_factory=dict)
    """Chunks that stores are asked for, with their lengths."""
    seeded: list[int] = field(default_factory=list)
    elsewhere: list[int] = field(default_factory=list)
    """Positions that come from another place of the target, or that a fetched chunk also has."""
    zeros: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        index, wanted = self.index, pieces(self.index, self.blob)
        there = pieces(index, self.target)
        self.right = [at for at, piece in enumerate(wanted) if there[at] == piece]
        right = {index.id(at) for at in self.right}
        for at in sorted({*range(len(index))} - {*self.right}):
            chunk_id = index.id(at)
            if self._known_zeros(wanted[at], wanted[-1]):
                self.zeros.append(at)
            elif chunk_id in self.held:
                self.seeded.append(at)
            elif chunk_id in right or chunk_id in self.fetched:
                self.elsewhere.append(at)
            else:
                self.fetched[chunk_id] = len(wanted[at])

    def _known_zeros(self, piece: bytes, last: bytes) -> bool:
        return not any(piece) and len(piece) in (self.index.sizes.maximum, len(last))

    @property
    def statistics(self) -> dict[str, int]:
        moved = [*self.seeded, *self.elsewhere]
        return {
            "bytes_total": len(self.blob),
            "chunks_total": len(self.index),
            "chunks_from_store": len(self.fetched),
            "chunks_in_place": len(self.right),
            "chunks_from_seeds": len(moved) + len(self.zeros),
            "bytes_from_store": sum(self.fetched.values()),
            "bytes_copied_from_seeds": sum(map(self.index.length, moved)),
            "bytes_cloned_from_seeds": 0,
        }


def held_by(workspace: Workspace, names: Iterable[str]) -> set[bytes]:
    """Return the IDs that the indexes of declared seeds have."""
    indexes = [workspace.index(workspace.seeds[name]["index"]) for name in names]
    return set(itertools.chain.from_iterable(map(ids_of, indexes)))


def fetched_with(workspace: Workspace, *seeds: bytes) -> dict[bytes, int]:
    """Return how often each chunk of NEW is asked for where the seeds are these blobs."""
    indexes = [parse_index(index_file(seed), "index") for seed in seeds]
    held = set(itertools.chain.from_iterable(map(ids_of, indexes)))
    return dict.fromkeys(Expected(workspace.index("new.caibx"), NEW, held).fetched, 1)


def times_indexed(run: Callable[[How], object]) -> int:
    """Return how often a run indexes a seed."""
    collected = Collector()
    run(How(reporter=collected))
    phases = [one.phase for one in collected.events if isinstance(one, PhaseStarted)]
    return sum(phase.startswith("indexing seed ") for phase in phases)


def indexings(workspace: Workspace, **fields: object) -> int:
    """Return how often the seed `old` is indexed in an extraction."""
    return times_indexed(lambda how: extracted(workspace, how, seeds=["old"], **fields))


def kept_files(home: Path) -> list[Path]:
    """Return what is kept in a cache folder: each index, and what it was made of."""
    return sorted((home / "desync-run" / "seeds").glob("[!.]*"))


@dataclass
class Once:
    """A reporter that does something at the first event of a kind."""

    kind: type[Event]
    then: Callable[[], object]
    seen: bool = False

    def emit(self, event: Event) -> None:
        if isinstance(event, self.kind) and not self.seen:
            self.seen = True
            self.then()

    def close(self) -> None:
        """Have nothing to release."""
