import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from desync_jobs.archive.layout import TreeLayout
from desync_jobs.archive.tree_seed import PassedOver, TreeSeed, index_layout, lay_out
from desync_jobs.archive.twins import Twins
from desync_jobs.assembly.cancel import Cancel
from desync_jobs.assembly.cutting import Cutting
from desync_jobs.assembly.seed_source import SeedSource
from desync_jobs.assembly.workers import Workers
from desync_jobs.core.kernel import best
from desync_jobs.core.sizes import ChunkSizes, CutMode
from desync_jobs.errors import SourceError
from desync_jobs.formats.index import Index, serialize_index
from desync_jobs.formats.index_building import IndexBuilder
from desync_jobs.stores.base import Chunk
from desync_jobs.testing.memory import MemoryStore
from tests.archives import EVERYTHING
from tests.workspace import Workspace

SIZES = ChunkSizes(1024, 4096, 16384)
NAMES = ("a", "b", "d/c", "d/e", "z")


@contextmanager
def seed_of(top: Path, flags: int = EVERYTHING) -> Iterator[TreeSeed]:
    wanted = IndexBuilder(flags, SIZES).index()
    with Workers(2, Cancel()) as workers, TreeLayout(os.fspath(top)) as layout:
        lay_out(layout, wanted, workers)
        cutting = Cutting(SIZES, CutMode.CASYNC, best())
        index = index_layout(layout, wanted, cutting, workers, lambda _: None)
        yield TreeSeed(layout, index, f"seed {top.name}")


def read_file(seed: TreeSeed, name: str) -> tuple[int, int]:
    """Return where in the seed's archive the content of a file is, and how much."""
    reach = seed.layout.reach
    (number,) = (one for one in range(len(reach.files)) if reach.path(one) == name.encode())
    return seed.layout.start(number), seed.layout.end(number) - seed.layout.start(number)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    top, random = tmp_path / "tree", Random(3)
    (top / "d").mkdir(parents=True)
    for name in NAMES:
        (top / name).write_bytes(random.randbytes(20_000))
    return top


@pytest.fixture
def other(tree: Path, tmp_path: Path) -> Path:
    """A tree with another name, whose files are those of `tree`, in part."""
    shutil.copytree(tree, tmp_path / "other")
    with (tmp_path / "other" / "b").open("ab") as file:
        file.write(b"more")
    return tmp_path / "other"


def chunks_of(seed: TreeSeed) -> list[bytes]:
    index: Index = seed.index
    return [index.id(position) for position in range(len(index))]


def test_every_chunk_is_read_from_the_files(tree: Path) -> None:
    with seed_of(tree) as seed:
        store = MemoryStore("store", [])
        source = SeedSource([seed], store, best(), SIZES.maximum)
        wanted = chunks_of(seed)
        answers = source.fetch(wanted)

        assert [one.id for one in answers if isinstance(one, Chunk)] == wanted
        assert source.given() == [(len(set(wanted)), seed.layout.size)]
        assert source.lacking() == {}
        assert seed.index.blob_size == seed.layout.size


@pytest.mark.parametrize("dialect", ["casync", "desync"])
def test_a_tree_is_cut_as_its_archive_is(tree: Path, dialect: str) -> None:
    os.setxattr(tree / "a", "user.note", b"some")
    workspace = Workspace(tree.parent)
    sizes = {"chunk_size": "1KiB:4KiB:16KiB"}
    workspace.do("tar", directory="tree", index="tree.caidx", dialect=dialect, **sizes)
    index = workspace.index("tree.caidx")
    with seed_of(tree, index.flags) as seed:
        assert serialize_index(seed.index) == serialize_index(index)


def test_a_file_that_changed_costs_its_chunks_and_nothing_else(tree: Path) -> None:
    with seed_of(tree) as seed:
        wanted = chunks_of(seed)
        known = SeedSource([seed], MemoryStore("none", []), best(), SIZES.maximum).fetch(wanted)
        store = MemoryStore("store", [one for one in known if isinstance(one, Chunk)])
        begin, size = read_file(seed, "d/c")
        (tree / "d" / "c").write_bytes(bytes(size))
        source = SeedSource([seed], store, best(), SIZES.maximum)
        answers = source.fetch(wanted)
        touched = [
            position
            for position in range(len(seed.index))
            if seed.index.start(position) < begin + size and begin < seed.index.end(position)
        ]

        assert [one.plain for one in answers if isinstance(one, Chunk)] == [
            one.plain for one in known if isinstance(one, Chunk)
        ]
        assert source.lacking() == {"seed tree changed while it was used": len(touched)}
        assert store.counts()["store"].chunks == len(touched)


def test_the_twin_of_a_file_is_the_same_file_of_the_seed(tree: Path, other: Path) -> None:
    with seed_of(tree) as wanted, seed_of(other) as seed:
        twins = Twins(wanted.index, [seed])
        for name in NAMES:
            twin = twins.of(*read_file(wanted, name))
            if name == "b":  # it is longer there
                assert twin is None
                continue
            assert twin is not None
            assert twin.seed.layout.reach.path(twin.file) == name.encode()
            with twin.opened() as fd:
                assert os.pread(fd, 1 << 20, 0) == (tree / name).read_bytes()


def test_a_file_with_another_middle_has_a_twin(tree: Path, other: Path) -> None:
    (tree / "large").write_bytes(Random(1).randbytes(200_000))
    changed = bytearray((tree / "large").read_bytes())
    changed[100_000:100_010] = bytes(10)
    (other / "large").write_bytes(changed)
    with seed_of(tree) as wanted, seed_of(other) as seed:
        assert Twins(wanted.index, [seed]).of(*read_file(wanted, "large")) is not None


def test_trees_without_a_chunk_in_common_have_no_twins(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    with seed_of(tree) as wanted, seed_of(tmp_path / "new") as seed:
        twins = Twins(wanted.index, [seed])
        nothing = Twins(wanted.index, [])

        assert [twins.of(*read_file(wanted, name)) for name in NAMES] == [None] * len(NAMES)
        assert nothing.of(*read_file(wanted, "a")) is None


def test_what_is_passed_over_is_counted_with_one_example() -> None:
    passed = PassedOver()
    assert passed.message is None

    passed(SourceError("x: cannot be read: Permission denied"))
    assert passed.message == "x: cannot be read: Permission denied: left out of the seed"

    passed(SourceError("y"))
    passed(SourceError("z"))
    assert passed.message == (
        "x: cannot be read: Permission denied: left out of the seed, and 2 others"
    )
