"""An archive read in any order has what it has read from its beginning, or is refused as there."""

import random
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from desync_jobs.archive.lazy.tree import ArchiveTree, Located
from desync_jobs.assembly.random_access import Extent
from desync_jobs.errors import ArchiveFormatError
from desync_jobs.formats.catar.encode import encode
from desync_jobs.formats.catar.features import DESYNC_FLAGS
from desync_jobs.formats.catar.goodbye import hash_name
from desync_jobs.formats.catar.node import Node, NodeKind
from desync_jobs.formats.catar.reading import LeftOut, Opened, TreeReader
from desync_jobs.formats.catar.records import Filename, Payload, Symlink, Xattr
from tests.archives import END, Part, archive, directory, entry, file, regular
from tests.catar_cases import CASES

REFERENCE = Path(__file__).parents[3] / "vectors" / "archives" / "reference.catar"
Tree = dict[bytes, tuple[Node, bytes]]


@dataclass
class Memory:
    """An archive in memory; `asked` are the bytes that were read."""

    data: bytes
    asked: int = 0
    reads: int = 0
    sizes: list[int] = field(default_factory=list)

    @property
    def size(self) -> int:
        return len(self.data)

    def read(self, offset: int, length: int) -> bytes:
        assert offset >= 0
        assert length >= 0
        self.reads += 1
        self.asked += length
        return self.data[offset : offset + length]

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        raise NotImplementedError

    def close(self) -> None:
        """Have nothing to release."""


def from_beginning(data: bytes) -> Tree:
    """Return nodes and contents by path, read as a stream."""
    found: Tree = {}
    path = b""
    reader = TreeReader("a.catar")
    for event in reader.feed(data):
        if isinstance(event, Opened):
            path = event.path
            found[path] = event.node, b""
        elif isinstance(event, memoryview):
            node, content = found[path]
            found[path] = node, content + bytes(event)
        elif isinstance(event, LeftOut):
            continue
    reader.finish()
    return found


def by_place(data: bytes) -> Tree:
    """Return the same, each node found by its directory and each again by its name."""
    blob = Memory(data)
    tree = ArchiveTree(blob, "a.catar")
    found: Tree = {}

    def note(path: bytes, located: Located) -> None:
        content = located.content
        found[path] = located.node, data[content.start : content.end]
        if located.node.kind is not NodeKind.DIRECTORY:
            return
        children = {child.name: child for child in tree.children(located)}
        for child in children.values():
            below = tree.opened(child)
            assert below.node.entry.mode == child.mode
            assert tree.child(located, child.name) == below
            note(child.name if path == b"." else path + b"/" + child.name, below)

    note(b".", tree.root)
    return found


def nested(seed: int) -> list[Part]:
    """Return a directory with some in it, of every kind and of sizes that need several reads."""
    drawn = random.Random(seed)

    def filled(depth: int) -> list[Part]:
        parts: list[Part] = [directory(drawn.choice([0o700, 0o755]))]
        for number in range(drawn.choice([0, 1, 2, 3, 7, 40])):
            parts.append(Filename(b"%d-%s" % (number, b"x" * drawn.randrange(200))))
            match drawn.randrange(6):
                case 0 if depth:
                    parts += filled(depth - 1)
                case 1:
                    parts += [entry(0o120777), Symlink(b"t" * drawn.randrange(1, 4000))]
                case 2:
                    parts.append(entry(0o10600))
                case 3:
                    xattrs = [
                        Xattr(b"user.%d" % n, b"v" * drawn.randrange(60_000)) for n in range(3)
                    ]
                    parts += [regular(), *xattrs, Payload(3), b"abc"]
                case _:
                    content = drawn.randbytes(drawn.choice([0, 1, 500, 70_000]))
                    parts += [regular(), Payload(len(content)), content]
        return [*parts, END]

    return filled(3)


@pytest.mark.parametrize("seed", range(12))
def test_everything_is_where_it_is_from_the_beginning(seed: int) -> None:
    data = archive(nested(seed))

    assert by_place(data) == from_beginning(data)


def test_what_casync_wrote_is_read_alike() -> None:
    data = REFERENCE.read_bytes()

    assert by_place(data) == from_beginning(data)


@pytest.mark.parametrize("case", CASES)
def test_an_archive_is_refused_where_it_is_from_the_beginning(case: str) -> None:
    data = archive(CASES[case])
    try:
        wanted = from_beginning(data)
    except ArchiveFormatError:
        wanted = {}
    if wanted and case != "goodbye bad items":  # which nobody needs who reads all of it
        assert by_place(data) == wanted
    else:
        with pytest.raises(ArchiveFormatError, match=r"^a\.catar: "):
            by_place(data)


def test_a_lookup_reads_no_more_in_a_large_archive() -> None:
    parts: list[Part] = [directory()]
    for number in range(300):
        parts += file(b"file-%d" % number, bytes(50_000))
    parts += [Filename(b"deep"), directory(), *file(b"last", b"found"), END, END]
    blob = Memory(archive(parts))
    tree = ArchiveTree(blob, "a.catar")
    deep = tree.child(tree.root, b"deep")
    assert deep is not None
    last = tree.child(deep, b"last")
    assert last is not None

    assert blob.data[last.content.start : last.content.end] == b"found"
    assert tree.child(deep, b"first") is None
    assert blob.size > 15_000_000
    assert blob.asked < 16_000


def test_names_of_small_entries_are_read_together() -> None:
    parts: list[Part] = [directory()]
    for number in range(2000):
        parts += file(b"file-%d" % number, b"x" * 10)
    blob = Memory(archive([*parts, END]))
    tree = ArchiveTree(blob, "a.catar")

    assert len([*tree.children(tree.root)]) == 2000
    assert blob.reads < 20
    assert blob.asked < 2 * blob.size


def test_what_desync_leaves_out_is_left_out_here() -> None:
    features = int(DESYNC_FLAGS)
    value = Xattr(b"user.a", b"v\0")
    parts: list[Part] = [
        directory(features=features),
        Filename(b"fifo"),
        *file(b"kept", b"content", features),
        Filename(b"link"),
        entry(0o120755, features),
        value,
        Symlink(b"target"),
        END,
    ]
    found = by_place(archive(parts))

    assert set(found) == {b".", b"kept", b"link"}
    assert found[b"kept"][1] == b"content"
    assert found[b"link"][0].xattrs == (Xattr(b"user.a", b"v"),)


def test_an_empty_file_is_no_archive() -> None:
    with pytest.raises(ArchiveFormatError, match=r"^a\.catar: is empty"):
        by_place(b"")


SMALL = archive(
    [
        directory(),
        *file(b"a", b"content"),
        Filename(b"d"),
        directory(),
        *file(b"x", b""),
        Filename(b"l"),
        entry(0o120777),
        Symlink(b"t"),
        END,
        *file(b"z", b"last"),
        END,
    ]
)


def test_an_archive_cut_at_any_byte_is_refused() -> None:
    for size in range(len(SMALL)):
        with pytest.raises(ArchiveFormatError):
            by_place(SMALL[:size])
    with pytest.raises(ArchiveFormatError):
        by_place(SMALL + bytes(24))


@pytest.mark.parametrize(
    "value",
    [0, 1, 15, 16, 24, 40, 64, 0xFFFF, 1 << 31, 1 << 62, (1 << 63) - 1, 1 << 63, (1 << 64) - 1],
)
def test_no_number_leads_astray(value: int) -> None:
    """Whatever stands anywhere, reading ends with an error of the format, or with nodes."""
    for at in range(len(SMALL) - 7):
        data = SMALL[:at] + struct.pack("<Q", value) + SMALL[at + 8 :]
        with suppress(ArchiveFormatError):
            assert by_place(data)


def test_numbers_that_are_a_little_off_are_refused() -> None:
    """Every offset and size of the tables and tails, one more and one less."""
    words = struct.unpack(f"<{9}Q", SMALL[-72:])
    for place in (0, 1, 3, 4, 6, 7):
        for off in (-24, -1, 1, 24):
            changed = list(words)
            changed[place] = (changed[place] + off) % (1 << 64)
            with pytest.raises(ArchiveFormatError):
                by_place(SMALL[:-72] + struct.pack(f"<{9}Q", *changed))


def test_a_directory_that_leads_to_itself_is_refused() -> None:
    inner = archive([directory(), *file(b"a", b""), END])
    root = encode(directory()) + encode(Filename(b"loop"))
    size = 24 * 2 + 16
    table = struct.pack("<QQ", size, 0xDFD35C5E8327C403)

    begin = len(root) + len(inner)
    # The entry is said to be its own directory.
    item = struct.pack("<QQQ", begin, begin, hash_name(b"loop"))
    tail = struct.pack("<QQQ", begin, size, 0x57446FA533702943)
    data = root + inner + table + item + tail
    tree = ArchiveTree(Memory(data), "a.catar")

    with pytest.raises(ArchiveFormatError, match="entry outside of its directory"):
        tree.child(tree.root, b"loop")
    with pytest.raises(ArchiveFormatError, match="gaps or overlap"):
        list(tree.children(tree.root))


def test_a_table_of_one_hash_is_not_searched_for_long() -> None:
    data = bytearray(
        archive([directory(), *(p for n in range(200) for p in file(b"%d" % n, b"")), END])
    )

    table = len(data) - 24 * 201
    for place in range(200):
        struct.pack_into("<Q", data, table + 24 * place + 16, hash_name(b"none"))
    tree = ArchiveTree(Memory(bytes(data)), "a.catar")

    with pytest.raises(ArchiveFormatError, match="many entries of one name"):
        tree.child(tree.root, b"none")


def test_metadata_without_an_end_are_given_up() -> None:
    xattrs = [Xattr(b"user.%05d" % number, bytes(65_536)) for number in range(600)]
    data = archive([directory(), Filename(b"x"), regular(), *xattrs, Payload(0), END])
    tree = ArchiveTree(Memory(data), "a.catar")

    with pytest.raises(ArchiveFormatError, match="a node with more than 33554432 bytes"):
        tree.child(tree.root, b"x")
